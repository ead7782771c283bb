//go:build linux || darwin

package process

import (
	"encoding/json"
	"fmt"
	"io"
)

// plan tells a supervisor what to run. It goes through a pipe: arguments and environments are
// visible to others.
type plan struct {
	Path      string      `json:"path"`
	Args      []string    `json:"args"` // with the command's name
	Env       []string    `json:"env"`
	Dir       string      `json:"dir"`
	Memory    uint64      `json:"memory"`
	OpenFiles uint64      `json:"open_files"`
	User      *Credential `json:"user"`
}

// longestPlan is more than the kernel accepts as arguments and environment.
const longestPlan = 8 << 20

// write sends a plan with its length in front.
func (p plan) write(w io.Writer) error {
	text, err := json.Marshal(p)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "%08x%s", len(text), text)
	return err
}

func readPlan(r io.Reader) (p plan, err error) {
	head := make([]byte, 8)
	if _, err = io.ReadFull(r, head); err != nil {
		return p, err
	}
	var length int
	if _, err = fmt.Sscanf(string(head), "%08x", &length); err != nil || length > longestPlan {
		return p, fmt.Errorf("no plan: %w", err)
	}
	text := make([]byte, length)
	if _, err = io.ReadFull(r, text); err != nil {
		return p, err
	}
	err = json.Unmarshal(text, &p)
	return p, err
}
