//go:build linux || darwin

package process

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
)

// launch starts this program once more, which sets limits and user and then becomes the command.
// It returns when that has happened. Go runs nothing between fork and exec, and limits for the
// command are too low for a supervisor.
func launch(p plan) (pid int, err error) {
	self, err := ownProgram()
	if err != nil {
		return 0, stageError(stageProgram, err)
	}
	planReader, planWriter, err := os.Pipe()
	if err != nil {
		return 0, stageError(stagePipe, err)
	}
	statusReader, statusWriter, err := os.Pipe()
	if err != nil {
		return 0, stageError(stagePipe, err)
	}
	pid, err = syscall.ForkExec(self, []string{supervisorName, roleExec}, &syscall.ProcAttr{ //nolint:gosec // this program
		Env: []string{"GOMAXPROCS=1"}, Files: []uintptr{0, 1, 2, planReader.Fd(), statusWriter.Fd()}, Sys: ofCommand(),
	})
	_, _ = planReader.Close(), statusWriter.Close()
	defer func() { _ = statusReader.Close() }()
	if err != nil {
		_ = planWriter.Close()
		return 0, stageError(stageFork, err)
	}
	_ = p.write(planWriter)
	_ = planWriter.Close()
	status, _ := io.ReadAll(bufio.NewReader(statusReader))
	if len(status) > 0 {
		return 0, fmt.Errorf("%s", strings.TrimSpace(string(status)))
	}
	return pid, nil
}

// Stages of a start, which become sentences in mcpkeep.
const (
	stageProgram = "program"
	stagePipe    = "pipe"
	stageFork    = "fork"
	stagePlan    = "plan"
	stageFiles   = "files"
	stageGroups  = "groups"
	stageUser    = "user"
	stageDir     = "dir"
	stageMemory  = "memory"
	stageExec    = "exec"
)

// stageError is a stage and the number of a system error.
func stageError(stage string, err error) error {
	var number syscall.Errno
	_ = errors.As(err, &number) // 0 is no system error
	return fmt.Errorf("%s %d", stage, int(number))
}

// become turns this process into the command.
func become() {
	status := os.NewFile(fdReports, "status")
	p, err := readPlan(os.NewFile(fdControl, "plan"))
	if err != nil {
		err = stageError(stagePlan, err)
	} else {
		err = p.become()
	}
	_, _ = status.WriteString(err.Error() + "\n")
	os.Exit(exitNoCommand)
}

// exitNoCommand is the exit status of a command that could not be started; shells have the same.
const exitNoCommand = 127

// become returns only after an error.
func (p plan) become() error {
	closeOnExec()
	if err := limitFiles(p.OpenFiles); err != nil {
		return stageError(stageFiles, err)
	}
	if p.User != nil {
		if err := p.User.become(); err != nil {
			return err
		}
	}
	if p.Dir != "" { // with the user's permissions
		if err := syscall.Chdir(p.Dir); err != nil {
			return stageError(stageDir, err)
		}
	}
	endWithParent()
	if err := limitMemory(p.Memory); err != nil { // last: it counts for this process as well
		return stageError(stageMemory, err)
	}
	return stageError(stageExec, syscall.Exec(p.Path, p.Args, p.Env)) //nolint:gosec // the operator's command
}

// become changes to another user.
func (c *Credential) become() error {
	for fd := range 3 { // programs open /dev/stderr by its name
		_ = syscall.Fchown(fd, int(c.UID), int(c.GID))
	}
	groups := make([]int, 0, len(c.Groups)+1)
	for _, g := range c.Groups {
		groups = append(groups, int(g))
	}
	if err := syscall.Setgroups(append(groups, int(c.GID))); err != nil {
		return stageError(stageGroups, err)
	}
	if err := syscall.Setgid(int(c.GID)); err != nil {
		return stageError(stageGroups, err)
	}
	if err := syscall.Setuid(int(c.UID)); err != nil {
		return stageError(stageUser, err)
	}
	return nil
}
