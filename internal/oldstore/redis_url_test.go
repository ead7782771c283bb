package oldstore_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/mcpkeep/mcpkeep/internal/oldstore"
)

// TestRedisURL: a URL whose password has special characters is refused before anything is
// connected to, and no piece of it is shown; others get as far as the server.
func TestRedisURL(t *testing.T) {
	t.Parallel()
	for url, isURL := range map[string]bool{
		"redis://default:p@ss/zqxw@127.0.0.1:1":     false,
		"redis://default:p@ss/zqxw@127.0.0.1:1/0":   false,
		"redis://:1234/ss@127.0.0.1:1/0":            false,
		"redis://:1234?ss@127.0.0.1:1/0":            false,
		"redis://:1234#ss@127.0.0.1:1/0":            false,
		"redis://app:972028":                        false,
		"redis:/default:zqxw@127.0.0.1:1/0":         false,
		"redis:default:zqxw@127.0.0.1:1/0":          false,
		"redis://127.0.0.1:1/0?password=zqxw":       false,
		"redis://127.0.0.1:1/zqxw":                  false,
		"redis://":                                  false,
		"redis://default:p%40ss%2Fzqxw@127.0.0.1:1": true,
		"redis://default:p@sszqxw@127.0.0.1:1":      true,
		"rediss://127.0.0.1:1/3":                    true,
		"Redis://127.0.0.1:1/":                      true,
	} {
		_, err := oldstore.Open(t.Context(), url, oldstore.Config{})
		if err == nil || errors.Is(err, oldstore.ErrSource) == isURL {
			t.Errorf("%s: %v", url, err)
			continue
		}
		for _, piece := range []string{"zqxw", "ss/", "1234", "972028"} {
			if strings.Contains(err.Error(), piece) && strings.Contains(url, piece) {
				t.Errorf("%s shows %q: %v", url, piece, err)
			}
		}
	}
}
