package main

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/pem"
	"io"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/crypto/x509roots/fallback/bundle"
)

// user is who the program runs as, user and group.
const user = 65532

// file is a file of the image, or a folder when its name ends in a slash.
type file struct {
	name  string
	mode  int64
	owner int
	data  []byte
}

// files are all that is in the image, in the order of the layer.
func (o options) files(ctx context.Context, arch string) ([]file, error) {
	compile := o.compile
	if compile == nil {
		compile = o.program
	}
	program, err := compile(ctx, arch)
	if err != nil {
		return nil, err
	}
	return []file{
		// Where SQLite's file and the key file go unless DATABASE_URL says otherwise.
		{"data/", 0o755, user, nil},
		{"etc/", 0o755, 0, nil},
		{"etc/group", 0o644, 0, []byte("root:x:0:\nnonroot:x:65532:\n")},
		{"etc/passwd", 0o644, 0, []byte("root:x:0:0:root:/:/sbin/nologin\nnonroot:x:65532:65532:nonroot:/data:/sbin/nologin\n")},
		{"etc/ssl/", 0o755, 0, nil},
		{"etc/ssl/certs/", 0o755, 0, nil},
		{"etc/ssl/certs/ca-certificates.crt", 0o644, 0, authorities()},
		{"mcpkeep", 0o755, 0, program},
	}, nil
}

// authorities are those that Mozilla trusts, as the Go team publishes them. Those that it
// trusts within bounds are left out, since a file cannot express the bounds.
func authorities() []byte {
	var out bytes.Buffer
	for root := range bundle.Roots() {
		if root.Constraint == nil {
			_ = pem.Encode(&out, &pem.Block{Type: "CERTIFICATE", Bytes: root.Certificate}) // a buffer takes it
		}
	}
	return out.Bytes()
}

// archive is the layer. All times are the same.
func archive(files []file) ([]byte, error) {
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for _, f := range files {
		kind := byte(tar.TypeReg)
		if f.folder() {
			kind = tar.TypeDir
		}
		header := &tar.Header{
			Typeflag: kind, Name: f.name, Mode: f.mode, Uid: f.owner, Gid: f.owner, Size: int64(len(f.data)),
			ModTime: time.Unix(0, 0), Format: tar.FormatUSTAR,
		}
		if err := w.WriteHeader(header); err != nil {
			return nil, err
		}
		if _, err := w.Write(f.data); err != nil {
			return nil, err
		}
	}
	err := w.Close()
	return out.Bytes(), err
}

func (f file) folder() bool { return f.name[len(f.name)-1] == '/' }

// opener returns a function that reads bytes from their beginning.
func opener(b []byte) func() (io.ReadCloser, error) {
	return func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b)), nil }
}

// unpack writes files below a folder, without their owners.
func unpack(files []file, root string) error {
	for _, f := range files {
		path := filepath.Join(root, filepath.FromSlash(f.name))
		var err error
		if f.folder() {
			err = os.MkdirAll(path, os.FileMode(f.mode)) //nolint:gosec // G115: the modes above
		} else {
			err = os.WriteFile(path, f.data, os.FileMode(f.mode)) //nolint:gosec // G115: as above
		}
		if err != nil {
			return err
		}
	}
	return nil
}
