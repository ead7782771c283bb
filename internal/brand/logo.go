package brand

import (
	"bytes"
	"errors"
	"fmt"
	"image/png"
	"io"
	"os"
)

// MaxLogo is how long the file of a logo may be, in bytes.
const MaxLogo = 256 << 10

// maxPixels bounds the width and the height of a PNG: its file says little about how much
// memory it takes.
const maxPixels = 2048

// Logo is an image that is safe to serve.
type Logo struct {
	Type  string // media type
	Image []byte
}

// Errors of a logo; those about SVG say more.
var (
	ErrTooLarge = fmt.Errorf("larger than %d kB", MaxLogo>>10)
	ErrNoImage  = errors.New("neither a PNG nor an SVG image")
	ErrPixels   = fmt.Errorf("more than %d pixels wide or high", maxPixels)
)

// ReadLogo reads a logo from a file. The error says what is wrong, and not where.
func ReadLogo(path string) (*Logo, error) {
	file, err := os.Open(path) //nolint:gosec // the operator's setting
	if err != nil {
		return nil, withoutPath(err)
	}
	defer func() { _ = file.Close() }()
	data, err := io.ReadAll(io.LimitReader(file, MaxLogo+1))
	if err != nil {
		return nil, withoutPath(err)
	}
	return ParseLogo(data)
}

// ParseLogo checks a PNG or SVG image by its content. An SVG image is rewritten from
// what was understood of it, so that a browser reads the same.
func ParseLogo(data []byte) (*Logo, error) {
	if len(data) > MaxLogo {
		return nil, ErrTooLarge
	}
	if !bytes.HasPrefix(data, []byte("\x89PNG\r\n\x1a\n")) {
		image, err := cleanSVG(data)
		return &Logo{Type: "image/svg+xml", Image: image}, err
	}
	config, err := png.DecodeConfig(bytes.NewReader(data))
	if err != nil {
		return nil, ErrNoImage
	}
	if config.Width > maxPixels || config.Height > maxPixels {
		return nil, ErrPixels
	}
	if _, err := png.Decode(bytes.NewReader(data)); err != nil {
		return nil, ErrNoImage
	}
	return &Logo{Type: "image/png", Image: data}, nil
}

// withoutPath is the error of the operating system alone.
func withoutPath(err error) error {
	var path *os.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}
