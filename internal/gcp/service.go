package gcp

import (
	"context"
	"fmt"
	"path"
	"strings"
	"sync"
)

// Service is who this process is on Google Cloud.
type Service struct {
	Project       string // id
	ProjectNumber string
	Region        string // such as "europe-west1"
	Account       string // email address of the service account
}

// services is who this process is. The zero value does not know.
type services struct {
	mu    sync.Mutex
	known Service
}

// Service asks the metadata server who this process is, and remembers it: it never changes.
func (c *Client) Service(ctx context.Context) (Service, error) {
	c.services.mu.Lock()
	defer c.services.mu.Unlock()
	if c.services.known != (Service{}) {
		return c.services.known, nil
	}
	ctx, cancel := within(ctx)
	defer cancel()
	var s Service
	var region string
	for _, part := range []struct {
		to   *string
		path string
	}{
		{&s.Project, "project/project-id"}, {&s.ProjectNumber, "project/numeric-project-id"},
		{&region, "instance/region"}, {&s.Account, "instance/service-accounts/default/email"},
	} {
		value, err := c.tells(ctx, part.path)
		if err != nil {
			return Service{}, err
		}
		*part.to = value
	}
	s.Region = path.Base(region) // of projects/NUMBER/regions/REGION
	c.services.known = s
	return s, nil
}

// tells is what the metadata server has at a path.
func (c *Client) tells(ctx context.Context, at string) (string, error) {
	ctx, cancel := within(ctx)
	defer cancel()
	value, err := c.metadata.GetWithContext(ctx, at)
	if err != nil {
		return "", fmt.Errorf("the metadata server does not tell %s: %w", at, plain(err))
	}
	return strings.TrimSpace(value), nil
}

// account is the address of the service account for a message, and a placeholder if it is not
// known.
func (c *Client) account(ctx context.Context) string {
	value, err := c.Account(ctx)
	if err != nil {
		return "ACCOUNT"
	}
	return value
}

// Origin is the address of a Cloud Run service that follows from its name.
func (s Service) Origin(name string) string {
	return "https://" + name + "-" + s.ProjectNumber + "." + s.Region + ".run.app"
}
