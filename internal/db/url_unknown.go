package db

import (
	"fmt"
	"slices"
	"strings"
)

// unknownParameter names what was meant, if that can be guessed, and never what was
// written: that may be a piece of a password.
func unknownParameter(name string, number int) error {
	text := fmt.Sprintf("parameter %d in the PostgreSQL URL is not known", number)
	if meant := closestParameter(name); meant != "" {
		return badURLError(text + ": use " + meant)
	}
	return badURLError(text + ": remove it, or encode the special characters in the password; a setting of the server goes into options=-c%20name=value")
}

// closestParameter returns the known parameter that is this one but for its case or up to
// two letters, "" if there is none.
func closestParameter(name string) string {
	var known []string
	for parameter := range pgxParameters {
		known = append(known, parameter)
	}
	for parameter := range translations {
		known = append(known, parameter)
	}
	for parameter := range settingNames {
		known = append(known, parameter)
	}
	slices.Sort(known)
	const mostMistakes = 2
	best, mistakes := "", mostMistakes+1
	for _, parameter := range known {
		if len(parameter) <= 2*mostMistakes {
			continue // anything is close to it
		}
		if n := distance(strings.ToLower(name), strings.ToLower(parameter)); n < mistakes {
			best, mistakes = parameter, n
		}
	}
	return best
}

// distance is the number of letters to insert, delete or replace (Levenshtein).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		corner := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := corner
			if a[i] != b[j] {
				cost++
			}
			corner = row[j+1]
			row[j+1] = min(cost, row[j+1]+1, row[j]+1)
		}
	}
	return row[len(b)]
}
