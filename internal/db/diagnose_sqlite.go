package db

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

func (e *sqliteEngine) diagnose(context.Context) (Diagnosis, error) { return DiagnoseFile(e.path) }

// DiagnoseFile looks at an SQLite file without opening it, and at the folder where
// it is or would be made.
func DiagnoseFile(path string) (Diagnosis, error) {
	f := &FileDiagnosis{Path: path}
	info, err := os.Stat(path)
	switch {
	case err == nil:
		f.Mode = info.Mode()
	case !errors.Is(err, fs.ErrNotExist):
		return Diagnosis{}, err
	}
	folder := filepath.Dir(path)
	folderInfo, err := os.Stat(folder)
	if err != nil {
		return Diagnosis{}, err
	}
	f.expose(info, folderInfo, os.Geteuid())
	f.FolderWritable = writable(folder)
	f.FileSystem, f.Lost, f.Network = fileSystem(folder)
	f.OnRoot = sameFileSystem(folder, "/")
	return Diagnosis{File: f}, nil
}
