package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"

	"github.com/mcpkeep/mcpkeep/internal/doctor"
)

// errUnhealthy ends a doctor's command with status 1.
var errUnhealthy = errors.New("something is wrong")

type doctorCmd struct {
	serveFlags
	jsonFlag
}

// Help tells how to call it.
func (*doctorCmd) Help() string {
	return "Give it the settings that serve has, on the machine where serve runs or from outside. It only reads: it migrates " +
		"nothing and makes no database and no key. The exit status is 1 when something failed."
}

// Run looks at everything and prints what it found.
func (c *doctorCmd) Run(ctx context.Context, std streams) error {
	c.LocalPassword = os.Getenv("MCPKEEP_LOCAL_PASSWORD")
	p := newProgress(std)
	patient := c.patient()
	if p.terminal { // what hangs is worth knowing for who waits
		patient.Tell = func(area string) { p.line("looking at %s", area) }
	}
	findings := patient.Run(ctx)
	p.end()
	printed := doctor.Print
	if c.JSON {
		printed = doctor.PrintJSON
	}
	if err := printed(std.out, findings); err != nil {
		return err
	}
	if ctx.Err() != nil {
		return errors.New("interrupted: not everything was looked at")
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

// patient is what the settings describe. What is wrong with one of them does not
// keep the others from being looked at.
func (c *doctorCmd) patient() *doctor.Doctor {
	d := &doctor.Doctor{
		DatabaseURL: c.DatabaseURL, AutoMigrate: c.AutoMigrate, Keys: c.configuredKeys, KeyFile: c.keyFile(), Policy: c.policy(),
	}
	wrong := func(err error) bool {
		if err != nil {
			d.Settings = append(d.Settings, err)
		}
		return err != nil
	}
	addr := &net.TCPAddr{IP: net.IPv4zero}
	if listen, err := c.listenAddress(); !wrong(err) {
		addr, d.Loopback = assumedAddress(listen)
	}
	_, err := c.lifetimes()
	wrong(err)
	if registration, err := c.registration(); !wrong(err) {
		_, err = c.documents(registration)
		wrong(err)
	}
	if base, err := c.publicURL(addr); !wrong(err) && (c.BaseURL != "" || addr.Port != 0) {
		d.BaseURL = base
	}
	upstream, err := c.upstream(d.Loopback)
	d.Upstream, d.Local = upstream, upstream == nil && err == nil
	if !wrong(err) && d.Local {
		wrong(c.checkPassword(d.Loopback))
	}
	return d
}

// assumedAddress is where a server will listen, as far as the setting tells.
func assumedAddress(listen string) (addr *net.TCPAddr, loopback bool) {
	host, port, _ := net.SplitHostPort(listen)
	addr = &net.TCPAddr{IP: net.IPv4zero}
	addr.Port, _ = strconv.Atoi(port)
	if isLoopback(host) {
		addr.IP = net.IPv4(127, 0, 0, 1)
		if ip := net.ParseIP(host); ip != nil {
			addr.IP = ip
		}
	}
	return addr, isLoopback(host)
}
