package doctor

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/mcpkeep/mcpkeep/internal/display"
)

// longest is the number of characters of a text that are shown: parts of it may come
// from a server that is not ours. The statements for a role that lacks all rights fit.
const longest = 8000

// Print prints a checklist for people.
func Print(w io.Writer, findings []Finding) error {
	area := ""
	counts := map[Status]int{}
	for _, f := range findings {
		counts[f.Status]++
		if f.Area != area {
			area = f.Area
			if _, err := fmt.Fprintf(w, "%s\n", area); err != nil {
				return err
			}
		}
		if err := printFinding(w, f); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(w, "\n%d ok, %s, %d failed, %d skipped\n", counts[OK], number(counts[Warning], "warning", "warnings"), counts[Failed], counts[Skipped])
	return err
}

func printFinding(w io.Writer, f Finding) error {
	status := string(f.Status)
	if f.Status == Skipped {
		status = "-"
	}
	if _, err := fmt.Fprintf(w, "  %-8s %s\n", status, display.Line(f.What, longest)); err != nil {
		return err
	}
	for _, line := range [][2]string{{"why:", f.Why}, {"fix:", f.Fix}} {
		if line[1] == "" {
			continue
		}
		if _, err := fmt.Fprintf(w, "           %-6s%s\n", line[0], display.Line(line[1], longest)); err != nil {
			return err
		}
	}
	return nil
}

// report is the checklist for programs.
type report struct {
	Status   Status    `json:"status"` // the worst one
	Findings []Finding `json:"findings"`
}

// PrintJSON prints the checklist for programs.
func PrintJSON(w io.Writer, findings []Finding) error {
	r := report{Status: OK, Findings: []Finding{}}
	for _, f := range findings {
		f.What, f.Why, f.Fix = display.Line(f.What, longest), display.Line(f.Why, longest), display.Line(f.Fix, longest)
		r.Findings = append(r.Findings, f)
		if f.Status == Failed || f.Status == Warning && r.Status == OK {
			r.Status = f.Status
		}
	}
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(r)
}
