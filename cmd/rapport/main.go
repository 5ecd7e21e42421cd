package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/term"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// The first signal asks to stop cleanly, the second one ends the process.
	context.AfterFunc(ctx, stop)
	os.Exit(systemApp().run(ctx, os.Args[1:]))
}

// systemApp is the program on the machine's own streams, environment and clock.
func systemApp() *app {
	return &app{
		stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr,
		env: os.LookupEnv, now: clockOf(os.LookupEnv),
		isTerminal: func(stream any) bool {
			f, ok := stream.(*os.File)
			return ok && term.IsTerminal(int(f.Fd()))
		},
		columns: func() int {
			if width, _, err := term.GetSize(int(os.Stdout.Fd())); err == nil && width > 0 {
				return width
			}
			return 80
		},
	}
}
