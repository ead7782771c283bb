package gcp

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"net/http"
	"path"
	"slices"
	"strconv"
	"sync"
	"time"
)

// Version is a version of a secret that was read.
type Version struct {
	Name   string // as it was asked for
	Number string // that it was
}

// secrets are the versions that were read. The zero value has none.
type secrets struct {
	mu     sync.Mutex
	values map[string]string
	read   []Version
}

// Secret returns the value of a version. Each name is asked for once, so that all that
// has the name gets the same value; a new process asks again. The error says what is missing, and
// holds nothing of the value.
func (c *Client) Secret(ctx context.Context, n Name) (string, error) {
	c.secrets.mu.Lock()
	defer c.secrets.mu.Unlock()
	if value, ok := c.secrets.values[n.text]; ok {
		return value, nil
	}
	return c.remember(ctx, n)
}

// SecretAgain is Secret for what may have changed since: an alias or "latest" may name another
// version by now, whereas a number always names the same one.
func (c *Client) SecretAgain(ctx context.Context, n Name) (string, error) {
	if _, err := strconv.Atoi(n.Version); err == nil {
		return c.Secret(ctx, n)
	}
	c.secrets.mu.Lock()
	defer c.secrets.mu.Unlock()
	return c.remember(ctx, n)
}

// remember asks for a version. The caller holds the lock.
func (c *Client) remember(ctx context.Context, n Name) (string, error) {
	ctx, cancel := within(ctx)
	defer cancel()
	value, number, err := c.access(ctx, n)
	if err != nil {
		return "", err
	}
	if c.secrets.values == nil {
		c.secrets.values = map[string]string{}
	}
	c.secrets.values[n.text] = value
	c.secrets.read = append(slices.DeleteFunc(c.secrets.read, func(v Version) bool { return v.Name == n.text }), Version{n.text, number})
	return value, nil
}

// Versions returns those that were read, for the log.
func (c *Client) Versions() []Version {
	c.secrets.mu.Lock()
	defer c.secrets.mu.Unlock()
	return slices.Clone(c.secrets.read)
}

// access asks until there is an answer that another attempt would not change.
func (c *Client) access(ctx context.Context, n Name) (value, number string, err error) {
	for wait := 100 * time.Millisecond; ; wait *= 2 {
		token, err := c.Token(ctx, ScopeCloud)
		if err != nil {
			return "", "", &SecretError{Name: n, Problem: err.Error()}
		}
		value, number, err = c.accessOnce(ctx, n, token)
		var refused *SecretError
		if err == nil || errors.As(err, &refused) && !refused.passing {
			return value, number, err
		}
		select {
		case <-ctx.Done():
			return "", "", err
		case <-time.After(wait):
		}
	}
}

// accessOnce calls projects.secrets.versions.access of Secret Manager's REST API.
func (c *Client) accessOnce(ctx context.Context, n Name, token string) (value, number string, err error) {
	origin := n.origin()
	if c.secretManager != "" {
		origin = c.secretManager
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, origin+"/v1/"+n.text+":access", nil)
	if err != nil {
		return "", "", &SecretError{Name: n, Problem: "its name is not usable"}
	}
	r.Header.Set("Authorization", "Bearer "+token)
	res, err := c.http.Do(r)
	if err != nil {
		return "", "", &SecretError{Name: n, Problem: "Secret Manager cannot be reached: " + plain(err).Error(), passing: true}
	}
	defer func() { _ = res.Body.Close() }()
	var body bytes.Buffer
	if _, err := body.ReadFrom(res.Body); err != nil {
		return "", "", &SecretError{Name: n, Problem: "the answer breaks off: " + plain(err).Error(), passing: !errors.Is(err, errTooLong)}
	}
	if res.StatusCode != http.StatusOK {
		return "", "", refusal(n, c.account(ctx), res.StatusCode, body.Bytes())
	}
	return payload(n, body.Bytes())
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// payload reads an AccessSecretVersionResponse and compares its checksum.
func payload(n Name, body []byte) (value, number string, err error) {
	var answer struct {
		Name    string `json:"name"`
		Payload struct {
			Data       []byte `json:"data"`
			DataCRC32C string `json:"dataCrc32c"` // an int64 (JSON of protocol buffers)
		} `json:"payload"`
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return "", "", &SecretError{Name: n, Problem: "the answer is not what Secret Manager sends"}
	}
	number = path.Base(answer.Name)
	if _, err := strconv.ParseUint(number, 10, 63); err != nil {
		return "", "", &SecretError{Name: n, Problem: "the answer does not say which version it is"}
	}
	sum := strconv.FormatUint(uint64(crc32.Checksum(answer.Payload.Data, castagnoli)), 10)
	if sum != answer.Payload.DataCRC32C {
		return "", "", &SecretError{Name: n, Problem: fmt.Sprintf("version %s was changed on the way: its checksum is wrong", number), passing: true}
	}
	if len(bytes.TrimSpace(answer.Payload.Data)) == 0 {
		return "", "", &SecretError{Name: n, Problem: "version " + number + " is empty"}
	}
	return string(answer.Payload.Data), number, nil
}
