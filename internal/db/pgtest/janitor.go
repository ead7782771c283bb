package pgtest

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"syscall"
)

// janitorScript waits until the process that holds the other end of its
// standard input is gone, however that came about, and then ends the server
// and removes its folder $1. CONT is for a server that was frozen; it then
// kills its frozen children within five seconds. That the server has ended
// shows in its lock file: its process may stay as a zombie for longer.
const janitorScript = `
trap '' INT TERM HUP
while read -r _; do :; done
if read -r pid <"$1/data/postmaster.pid"; then
	kill -QUIT "$pid" && kill -CONT "$pid"
	tries=0
	while [ -e "$1/data/postmaster.pid" ] && [ "$tries" -lt 120 ]; do
		sleep 0.1
		tries=$((tries + 1))
	done
fi
rm -rf "$1"
`

// janitor cleans up after a server whose owner ends without a goodbye: a test
// process has no hook for its exit.
type janitor struct {
	process *process
	alive   io.Closer
}

func startJanitor(dir string, cred *syscall.Credential) (*janitor, error) {
	cmd := exec.Command("/bin/sh", "-c", janitorScript, "janitor", dir) //nolint:noctx // it outlives all but itself
	cmd.Dir = "/"
	cmd.SysProcAttr = sysProcAttr(cred, 0)
	alive, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	p, err := launch(cmd)
	if err != nil {
		return nil, err
	}
	return &janitor{process: p, alive: alive}, nil
}

// dismiss has the janitor clean up now, and waits for it. Once is enough, more
// does no harm.
func (j *janitor) dismiss() error {
	if err := j.alive.Close(); err != nil && !errors.Is(err, os.ErrClosed) {
		return err
	}
	<-j.process.done
	return j.process.err
}
