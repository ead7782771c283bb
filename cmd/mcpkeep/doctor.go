package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"os"
	"strconv"
	"strings"

	"github.com/mcpkeep/mcpkeep/internal/app"
	"github.com/mcpkeep/mcpkeep/internal/db"
	"github.com/mcpkeep/mcpkeep/internal/doctor"
	"github.com/mcpkeep/mcpkeep/internal/repo"
	"github.com/mcpkeep/mcpkeep/internal/setting"
)

// errUnhealthy ends doctor with status 1.
var errUnhealthy = errors.New("the deployment has problems")

type doctorCmd struct {
	serveFlags
	jsonFlag
	At      string `name:"at" placeholder:"URL" help:"Only check that the server at this address is ready and uses this database, such as a new version that has no traffic yet."`
	Service string `name:"service" placeholder:"NAME" help:"Check these settings as those of this Cloud Run service, when doctor runs in a job of its project."`
}

// Help explains the use.
func (*doctorCmd) Help() string {
	return "Use the settings of serve, on the machine where serve runs or on another one. It only reads: it does not migrate, " +
		"and creates no database and no key. The exit status is 1 if a check failed."
}

// Run performs all checks and prints the findings.
func (c *doctorCmd) Run(ctx context.Context, std streams) error {
	if c.Service != "" {
		if !plainWord.MatchString(c.Service) {
			return badFlag("--service", "the name of a Cloud Run service", "is not one")
		}
		_ = os.Setenv(envService, c.Service) // a plain word
	}
	c.LocalPassword = setting.Trim(os.Getenv("MCPKEEP_LOCAL_PASSWORD"))
	p := newProgress(std)
	d := c.doctor()
	if p.terminal { // show which check takes long
		d.Progress = func(area string) { p.line("checking %s", area) }
	}
	findings, err := c.findings(ctx, d)
	if err != nil {
		return err
	}
	p.end()
	printed := doctor.Print
	if c.JSON {
		printed = doctor.PrintJSON
	}
	if err := printed(std.out, findings); err != nil {
		return err
	}
	if ctx.Err() != nil {
		return errors.New("interrupted: some checks did not run")
	}
	if n := doctor.Failures(findings); n > 0 {
		checks := "checks"
		if n == 1 {
			checks = "check"
		}
		return fmt.Errorf("%w: %d %s failed", errUnhealthy, n, checks)
	}
	return nil
}

// findings runs the checks.
func (c *doctorCmd) findings(ctx context.Context, d *doctor.Doctor) ([]doctor.Finding, error) {
	if c.At == "" {
		return d.Run(ctx), nil
	}
	origin := strings.TrimSuffix(c.At, "/")
	if u, err := url.Parse(origin); err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || origin != u.Scheme+"://"+u.Host {
		return nil, badFlag("--at", "an origin such as https://candidate---mcpkeep-abc-ew.a.run.app", "is not an origin")
	}
	return d.RunAt(ctx, origin), nil
}

// doctor returns a doctor for the deployment that the settings describe. An invalid
// setting does not keep the others from being checked.
func (c *doctorCmd) doctor() *doctor.Doctor {
	unread := c.readURL()
	d := &doctor.Doctor{
		DatabaseURL: c.url(), MigrateURL: c.MigrateURL, AutoMigrate: c.AutoMigrate, RefuseEphemeral: c.refuseEphemeral(),
		MaxInstances: max(0, c.MaxInstances), Keys: c.configuredKeys, KeyFile: c.keyFile(),
	}
	wrong := func(err error) bool {
		if err != nil {
			d.Settings = append(d.Settings, err)
		}
		return err != nil
	}
	if c.MaxConns < 0 { // which keeps nothing from being checked
		wrong(unread)
		c.MaxConns = 0
		unread = c.readURL()
	}
	if wrong(unread) { // what is not known is not checked
		c.DatabaseURL, d.DatabaseURL, d.DatabaseUnknown = "", "", true
	}
	addr := &net.TCPAddr{IP: net.IPv4zero}
	if listen, err := c.listenAddress(); !wrong(err) {
		addr, d.Loopback = assumedAddress(listen)
	}
	base, err := c.publicURL(addr)
	known := !wrong(err) && (c.BaseURL != "" || addr.Port != 0)
	cfg, err := c.config(cmp.Or(base, "http://127.0.0.1"), nil) // any will do for the other settings
	wrong(err)
	checked, problems := app.SettingsOf(cfg).Check(d.Loopback)
	for _, err := range problems {
		wrong(c.named(err))
	}
	if known {
		d.BaseURL, d.Names, d.Issuer = checked.BaseURL, checked.Names, checked.Issuer()
	}
	file, err := c.upstreams()
	wrong(err)
	d.Upstreams = file.Upstreams
	d.CallbackPath = cfg.Provider.CallbackPath
	if c.checkTLS() == nil {
		own, err := newHTTPS(&c.tlsFlags, slog.New(slog.DiscardHandler))
		if !wrong(err) && own != nil && own.pair != nil {
			d.Certificate = own.pair.Certificate()
		}
	}
	d.Foreign = func(ctx context.Context, database *db.DB) (repo.Foreign, error) { return c.foreign(ctx, database) }
	if d.FastMCP = factsOf(checked); !known {
		d.FastMCP.BaseURL = ""
	}
	d.Google = c.google()
	d.Provider, d.Policy, d.Private = checked.Provider, checked.Policy, checked.Private
	if len(d.Settings) == 0 {
		d.TryDocument = checked.TryDocument
	}
	return d
}

// assumedAddress returns the address on which the server will listen, as far as the
// setting determines it.
func assumedAddress(listen string) (addr *net.TCPAddr, loopback bool) {
	host, port, _ := net.SplitHostPort(listen)
	addr = &net.TCPAddr{IP: net.IPv4zero}
	addr.Port, _ = strconv.Atoi(port)
	if app.IsLoopback(host) {
		addr.IP = net.IPv4(127, 0, 0, 1)
		if ip := net.ParseIP(host); ip != nil {
			addr.IP = ip
		}
	}
	return addr, app.IsLoopback(host)
}
