package db

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// checkFolder returns a *RefusedError when the folder of an SQLite file is missing, or
// this process may not make the file in it.
func checkFolder(path string) error {
	folder, err := filepath.Abs(filepath.Dir(path))
	if err != nil {
		return err
	}
	info, err := os.Stat(folder)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return &RefusedError{Found: "the folder " + folder + " does not exist", Fix: "run `mkdir -p " + shellWord(folder) + "`, or set DATABASE_URL to another path", cause: err}
	case err != nil:
		return fmt.Errorf("open the folder of the database: %w", err)
	case !info.IsDir():
		return &RefusedError{Found: folder + " is not a folder", Fix: "set DATABASE_URL to a path in a folder", cause: fs.ErrInvalid}
	}
	if _, err := os.Stat(path); err == nil {
		return checkFiles(path)
	}
	if writable(folder) {
		return nil
	}
	return folderRefused(folder, info)
}

// checkFiles returns a *RefusedError when this process may not read and write the file of
// an existing database, or those that SQLite keeps next to it.
func checkFiles(path string) error {
	var closed, words []string
	for _, file := range []string{path, path + "-wal", path + "-shm"} {
		if _, err := os.Stat(file); err == nil && !usable(file) {
			closed, words = append(closed, file), append(words, shellWord(file))
		}
	}
	if len(closed) == 0 {
		return nil
	}
	who := os.Geteuid()
	found, files := fmt.Sprintf("user id %d may not read and write %s", who, strings.Join(closed, ", ")), strings.Join(words, " ")
	fix := fmt.Sprintf("run `chown %d %s && chmod 600 %s` as root on the machine that has the folder; if it is mounted read-only, mount it writable", who, files, files)
	if who == 0 { // whom no mode stops
		fix = "mount the file system of " + filepath.Dir(path) + " writable"
	}
	return &RefusedError{Found: found, Fix: fix, cause: fs.ErrPermission}
}

// UnwritableFolder says that this process may not write to a folder, and how to change
// that.
func UnwritableFolder(folder string) *RefusedError {
	info, err := os.Stat(folder)
	if err != nil {
		return &RefusedError{Found: "the folder " + folder + " cannot be opened", Fix: "create it", cause: err}
	}
	return folderRefused(folder, info)
}

func folderRefused(folder string, info fs.FileInfo) *RefusedError {
	who := os.Geteuid()
	owner, known := ownerOf(info)
	found := fmt.Sprintf("user id %d may not write to the folder %s (mode %04o", who, folder, info.Mode().Perm())
	if known {
		found += fmt.Sprintf(", owner %d", owner)
	}
	change := fmt.Sprintf("chown %d %s", who, shellWord(folder))
	switch {
	case who == 0: // whom no mode stops
		return &RefusedError{Found: found + ")", Fix: "mount the file system of " + folder + " writable", cause: fs.ErrPermission}
	case known && owner == who:
		change = "chmod u+wx " + shellWord(folder)
	}
	return &RefusedError{
		Found: found + ")", cause: fs.ErrPermission,
		Fix: "run `" + change + "` as root on the machine that has the folder; if it is mounted read-only, mount it writable",
	}
}

// shellWord quotes a path where a shell wants it.
func shellWord(path string) string {
	if strings.Trim(path, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/._-") == "" {
		return path
	}
	return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
}
