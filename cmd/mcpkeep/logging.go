package main

import (
	"io"
	"log/slog"
	"os"
	"strconv"

	"golang.org/x/term"

	"github.com/mcpkeep/mcpkeep/internal/logging"
	"github.com/mcpkeep/mcpkeep/internal/server"
	"github.com/mcpkeep/mcpkeep/internal/setting"
)

// logFlags say how requests are logged.
type logFlags struct {
	LogRequests    string `name:"log-requests" env:"MCPKEEP_LOG_REQUESTS" enum:"on,off" default:"on" placeholder:"on|off" help:"off: no line for each request, because a proxy in front writes one."`
	TrustedProxies string `name:"trusted-proxies" env:"MCPKEEP_TRUSTED_PROXIES" placeholder:"N" help:"How many proxies in front add an entry to X-Forwarded-For. The address in the log is the one that the outermost added. Default 0, on Cloud Run 1."`
}

// requestLog is what the flags say.
func (f *logFlags) requestLog() (server.RequestLog, error) {
	requests := server.RequestLog{Off: f.LogRequests == "off"}
	if serviceName() != "" {
		requests.Proxies = 1 // Google's front end
	}
	if text := setting.Trim(f.TrustedProxies); text != "" {
		const most = 10
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 || n > most {
			return requests, setting.Errorf("MCPKEEP_TRUSTED_PROXIES", "a number of proxies, 0 to 10", "%q is not one", text)
		}
		requests.Proxies = n
	}
	return requests, nil
}

// newLogger returns a logger that writes to w, as text or as JSON with the field names of
// Cloud Logging. A Cloud Run service writes JSON in the form that Google's tools understand.
func newLogger(w io.Writer, format, level string, service *logging.Service) *slog.Logger {
	var least slog.Level
	_ = least.UnmarshalText([]byte(level)) // one of the flag's choices
	opts := &slog.HandlerOptions{Level: least}
	if format == "" && !isTerminal(w) {
		format = "json"
	}
	if format != "json" {
		return slog.New(slog.NewTextHandler(w, opts))
	}
	opts.ReplaceAttr = logging.CloudNames
	lines := slog.NewJSONHandler(w, opts)
	if service == nil {
		return slog.New(lines)
	}
	return slog.New(logging.ForCloudRun(lines, *service))
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
