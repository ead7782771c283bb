package db

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

const (
	othersWrite  = 0o022 // group or others
	everyoneMode = 0o002
)

// Exposure returns what lets other users of the machine change the file or put another in
// its place, nil if nothing is known.
func (f *FileDiagnosis) Exposure() *Risk {
	if len(f.exposed) == 0 {
		return nil
	}
	return &Risk{
		What: strings.Join(f.exposed, "; "),
		Why:  "A user who writes the file can create tokens of any user and client.",
		Fix:  f.exposedFix,
	}
}

// expose notes what is wrong with the file and its folder for a program that runs as self.
func (f *FileDiagnosis) expose(file, folder fs.FileInfo, self int) {
	note := func(what, fix string) {
		f.exposed = append(f.exposed, what)
		if f.exposedFix == "" {
			f.exposedFix = fix
		}
	}
	dir := filepath.Dir(f.Path)
	if file != nil {
		if owner, known := ownerOf(file); known && owner != 0 && owner != self {
			note(fmt.Sprintf("%s belongs to user %d", f.Path, owner), fmt.Sprintf("chown %d %s", self, f.Path))
		}
		if file.Mode().Perm()&othersWrite != 0 {
			note(fmt.Sprintf("other users may write %s (mode %04o)", f.Path, file.Mode().Perm()), "chmod 600 "+f.Path)
		}
	}
	if owner, known := ownerOf(folder); known && owner != 0 && owner != self {
		note(fmt.Sprintf("the folder %s belongs to user %d", dir, owner), fmt.Sprintf("chown %d %s", self, dir))
	}
	if mode := folder.Mode(); mode.Perm()&everyoneMode != 0 && mode&os.ModeSticky == 0 {
		note(fmt.Sprintf("every user may replace files in %s (mode %04o)", dir, mode.Perm()), "chmod o-w "+dir)
	}
}
