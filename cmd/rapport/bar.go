package main

import (
	"io"
	"time"

	"github.com/schollz/progressbar/v3"
)

// newBar shows progress on standard error: a bar towards total, or a count where
// total is -1. It shows nothing where nobody looks. End it with Finish.
func (a *app) newBar(total int64, what string) *progressbar.ProgressBar {
	return a.bar(total, what, progressbar.OptionShowIts(), progressbar.OptionSetItsString("rows"))
}

// newByteBar is newBar for something that is measured in bytes.
func (a *app) newByteBar(total int64, what string) *progressbar.ProgressBar {
	return a.bar(total, what, progressbar.OptionShowBytes(true))
}

func (a *app) bar(total int64, what string, more ...progressbar.Option) *progressbar.ProgressBar {
	visible := !a.json && a.isTerminal(a.stderr)
	out := a.stderr
	if !visible {
		out = io.Discard
	}
	return progressbar.NewOptions64(total, append([]progressbar.Option{
		progressbar.OptionSetDescription(what), progressbar.OptionSetWriter(out), progressbar.OptionSetVisibility(visible),
		progressbar.OptionThrottle(100 * time.Millisecond), progressbar.OptionClearOnFinish(), progressbar.OptionSetWidth(24),
		progressbar.OptionSetPredictTime(total > 0), progressbar.OptionUseANSICodes(true),
		progressbar.OptionSetTheme(progressbar.Theme{Saucer: "█", SaucerPadding: "░", BarStart: "", BarEnd: ""}),
	}, more...)...)
}
