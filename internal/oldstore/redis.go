package oldstore

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/gomodule/redigo/redis"

	"github.com/mcpkeep/mcpkeep/internal/fastmcp"
)

const (
	redisDial  = 10 * time.Second
	redisReply = 30 * time.Second
	// redisPage is how many keys a SCAN looks at.
	redisPage = 1000
)

// redisStore is py-key-value's store in Redis.
type redisStore struct {
	Config
	name string
	conn redis.Conn
}

func openRedis(ctx context.Context, source string, c Config) (Source, error) {
	u, err := parseRedisURL(source)
	if err != nil {
		return nil, err
	}
	conn, err := redis.DialURLContext(ctx, u.String(), redis.DialConnectTimeout(redisDial), redis.DialReadTimeout(redisReply), redis.DialWriteTimeout(redisReply))
	if err != nil {
		return nil, fmt.Errorf("connect to Redis at %s: %w", u.Host, err)
	}
	s := &redisStore{Config: c, name: "Redis at " + u.Host + u.Path, conn: conn}
	if _, err := redis.DoContext(conn, ctx, "PING"); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", s.name, err), s.Close())
	}
	return s, nil
}

// Each implements Source. SCAN returns every key that is there from beginning to end, and some
// more than once.
func (s *redisStore) Each(ctx context.Context, f func(fastmcp.Row) error) error {
	seen := make(map[string]bool)
	for cursor := "0"; ; {
		reply, err := redis.Values(redis.DoContext(s.conn, ctx, "SCAN", cursor, "MATCH", globEscape(s.stored(""))+"mcp-*::*", "COUNT", redisPage))
		if err != nil {
			return s.failed(err)
		}
		var keys []string
		if _, err := redis.Scan(reply, &cursor, &keys); err != nil {
			return s.failed(err)
		}
		if err := s.page(ctx, keys, seen, f); err != nil {
			return err
		}
		if cursor == "0" {
			return nil
		}
	}
}

// page reads the rows of some keys, in one round trip.
func (s *redisStore) page(ctx context.Context, keys []string, seen map[string]bool, f func(fastmcp.Row) error) error {
	var wanted []any
	for _, name := range keys {
		collection, _, ok := fastmcp.CutCompound(name)
		if _, known := s.ours(collection); ok && known && !seen[name] {
			seen[name] = true
			wanted = append(wanted, name)
		}
	}
	if len(wanted) == 0 {
		return nil
	}
	values, err := redis.Values(redis.DoContext(s.conn, ctx, "MGET", wanted...))
	if err != nil {
		return s.failed(err)
	}
	for i, value := range values {
		data, ok := value.([]byte)
		if !ok {
			continue // expired meanwhile
		}
		name, _ := wanted[i].(string)
		collection, key, _ := fastmcp.CutCompound(name)
		collection, _ = s.ours(collection)
		row, err := fastmcp.DecodeEntry(data, collection, key)
		if err != nil {
			row.Value = nil
		}
		if err := f(row); err != nil {
			return err
		}
	}
	return nil
}

func (s *redisStore) failed(err error) error { return fmt.Errorf("read %s: %w", s.name, err) }

// globEscape makes a text match itself in a pattern of Redis.
func globEscape(text string) string {
	return strings.NewReplacer(`*`, `\*`, `?`, `\?`, `[`, `\[`, `\`, `\\`).Replace(text)
}

// String implements Source.
func (s *redisStore) String() string { return s.name }

// Close implements Source.
func (s *redisStore) Close() error { return s.conn.Close() }
