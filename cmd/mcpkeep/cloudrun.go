package main

import (
	"context"
	"log/slog"
	"os"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/doctor"
	"github.com/mcpkeep/mcpkeep/internal/gcp"
	"github.com/mcpkeep/mcpkeep/internal/logging"
	"github.com/mcpkeep/mcpkeep/internal/setting"
)

// envService is the variable by which a Cloud Run service knows its name.
const envService = "K_SERVICE"

// serviceName is that of the Cloud Run service that this process belongs to, "" elsewhere.
func serviceName() string { return os.Getenv(envService) }

// serviceURL is the address of this Cloud Run service, as the metadata server tells it: what
// a request says of it may be anyone's.
func serviceURL() (string, error) {
	const want = "the public origin, such as https://mcp.example.com"
	client, err := gcp.Default()
	if err != nil {
		return "", err
	}
	service, err := client.Service(context.Background())
	if err != nil {
		return "", setting.Errorf("MCPKEEP_BASE_URL", want, "not set, and %v", err)
	}
	return service.Origin(serviceName()), nil
}

// projectWait bounds the question for the project: the log can do without it.
const projectWait = 2 * time.Second

// serviceOf returns the Cloud Run service that this process is, nil elsewhere.
func serviceOf(ctx context.Context) *logging.Service {
	if serviceName() == "" {
		return nil
	}
	s := &logging.Service{Name: serviceName(), Revision: os.Getenv("K_REVISION"), Project: os.Getenv("GOOGLE_CLOUD_PROJECT")}
	if client, err := gcp.Default(); err == nil && s.Project == "" {
		ctx, cancel := context.WithTimeout(ctx, projectWait)
		defer cancel()
		known, _ := client.Service(ctx) // without a project, traces have no links
		s.Project = known.Project
	}
	return s
}

// logSecrets says which versions of secrets the settings came from.
func logSecrets(ctx context.Context, log *slog.Logger) {
	for _, v := range gcp.VersionsRead() {
		log.InfoContext(ctx, "secret read", "name", v.Name, "version", v.Number)
	}
}

// google is what the doctor looks at on Google Cloud, nil where nothing of it is used.
func (f *serveFlags) google() *doctor.Google {
	logsIn := f.DatabaseAuth == googleIAM
	if serviceName() == "" && !logsIn && len(gcp.VersionsRead()) == 0 {
		return nil
	}
	return &doctor.Google{Name: serviceName(), LogsIn: logsIn, Client: gcp.Default}
}
