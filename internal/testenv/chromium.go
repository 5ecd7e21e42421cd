package testenv

// Chromium returns the path of the system's Chromium or Chrome. Without one the
// test is skipped.
func Chromium(t T) string {
	t.Helper()
	path := find(nil, "chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
	if path == "" {
		t.Skip("Chromium is not installed; ./test.sh installs it")
	}
	return path
}
