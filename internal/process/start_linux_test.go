package process_test

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/mcpkeep/mcpkeep/internal/process"
)

// TestStartRefused: errors say what to change, and nothing of arguments and environment.
func TestStartRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, content string, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for name, tt := range map[string]struct {
		cmd  process.Command
		want string
	}{
		"missing":        {process.Command{Path: "no-such-program"}, "the command no-such-program is not found in PATH"},
		"missing path":   {process.Command{Path: "/no/such"}, "the command /no/such is not found"},
		"folder":         {process.Command{Path: dir}, "is not executable"},
		"not executable": {process.Command{Path: write("plain", "x", 0o600)}, "is not executable"},
		"no program":     {process.Command{Path: write("text", "hello", 0o700)}, "neither a program for this machine nor a script"},
		"interpreter":    {process.Command{Path: write("script", "#!/no/such/interpreter\n", 0o700)}, "names an interpreter that is missing"},
		"folder missing": {process.Command{Path: "sh", Dir: "/no/such"}, "the working directory /no/such is missing"},
		"folder a file":  {process.Command{Path: "sh", Dir: "/etc/passwd"}, "no directory"},
		"too long":       {process.Command{Path: "sh", Args: []string{strings.Repeat("x", 4<<20)}}, "too long arguments"},
		"unnamed":        {process.Command{Path: "/no/such", Unnamed: true}, "the command is not found"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tt.cmd.Env = []string{path, "SECRET=sesame"}
			tt.cmd.Args = append(tt.cmd.Args, "sesame")
			_, err := process.Start(tt.cmd)
			if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "sesame") || len(err.Error()) > 300 {
				t.Errorf("%.400v, want %s", err, tt.want)
			}
		})
	}
}

// TestPath: the program is looked for in the command's PATH, or from its working directory.
func TestPath(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "own-tool"), []byte("#!/bin/sh\npwd; echo $0 $1\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	cmd := process.Command{Path: "own-tool", Args: []string{"a b"}, Env: []string{"PATH=/usr/bin:/bin:" + dir}, Dir: "/"}
	if text, err := output(t, cmd); err != nil || text != "/\n"+filepath.Join(dir, "own-tool")+" a b" {
		t.Errorf("%q %v", text, err)
	}
	cmd.Path, cmd.Dir = "./own-tool", dir
	if text, err := output(t, cmd); err != nil || !strings.HasPrefix(text, dir+"\n") {
		t.Errorf("%q %v", text, err)
	}
}

// TestManyTimes: starts, ends and failed starts leave no process, descriptor or goroutine.
func TestManyTimes(t *testing.T) { // not parallel: it counts
	descriptors := func() int {
		entries, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Fatal(err)
		}
		return len(entries)
	}
	children := func() (list string) {
		paths, _ := filepath.Glob("/proc/self/task/*/children")
		for _, path := range paths {
			text, _ := os.ReadFile(path)
			list += string(text)
		}
		return list
	}
	once := func(i int) {
		p, err := process.Start(shell("cat"))
		if err != nil {
			t.Fatal(err)
		}
		if i%2 == 0 {
			p.Stop()
		} else {
			p.Kill()
		}
		gone(t, p)
		_ = p.Stdout.Close()
		if i%10 != 0 {
			return
		}
		if _, err := process.Start(process.Command{Path: "sh", Env: []string{path}, Args: []string{strings.Repeat("x", 1<<20)}}); err == nil {
			t.Fatal("too long arguments were accepted")
		}
	}
	once(0)
	files, goroutines := descriptors(), runtime.NumGoroutine()
	for i := range 40 {
		once(i)
	}
	eventually(t, "descriptors are left", func() bool { return descriptors() <= files })
	eventually(t, "goroutines are left", func() bool { return runtime.NumGoroutine() <= goroutines })
	if list := children(); list != "" {
		t.Errorf("children are left: %s", list)
	}
}
