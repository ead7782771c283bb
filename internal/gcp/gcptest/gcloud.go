package gcptest

import (
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Gcloud runs commands of Google's command line on a project and its instance, as far as
// mcpkeep names them. What it does not know, and what a person would have to fill in, is an
// error.
type Gcloud struct {
	*Cloud
	*Instance
	// Run is called for `gcloud run …` with the words behind that and the flags.
	Run func(words []string, flags map[string]string) error
}

var (
	inFix       = regexp.MustCompile("`(gcloud [^`]+)`")
	placeholder = regexp.MustCompile(`\b(?:INSTANCE|SERVICE|REGION|PROJECT|ACCOUNT|NETWORK|SUBNET)\b`)
)

// Commands returns the commands in a text, which are in backticks.
func Commands(text string) []string {
	var commands []string
	for _, match := range inFix.FindAllStringSubmatch(text, -1) {
		commands = append(commands, match[1])
	}
	return commands
}

// Do runs one command with what comes on its standard input, and returns what it prints.
func (g *Gcloud) Do(command, input string) (string, error) {
	if found := placeholder.FindString(command); found != "" {
		return "", fmt.Errorf("%s: %s has to be filled in", command, found)
	}
	words, flags := parsed(strings.Fields(command))
	if p, ok := flags["project"]; ok && p != Project {
		return "", fmt.Errorf("%s: no project %s", command, p)
	}
	for name, do := range map[string]func([]string, map[string]string, string) (string, error){
		"gcloud secrets": g.doSecrets, "gcloud sql": g.doSQL, "gcloud run": g.doRun, "gcloud projects": g.doRole,
		"gcloud services": g.doServices, "gcloud iam": g.doAccounts,
	} {
		if rest, ok := strings.CutPrefix(strings.Join(words, " ")+" ", name+" "); ok {
			out, err := do(strings.Fields(rest), flags, input)
			if err != nil {
				err = fmt.Errorf("%s: %w", command, err)
			}
			return out, err
		}
	}
	return "", fmt.Errorf("%s: unknown command", command)
}

// parsed tells words and flags apart. Each flag here has a value, but for --wait.
func parsed(fields []string) (words []string, flags map[string]string) {
	flags = map[string]string{}
	for i := 0; i < len(fields); i++ {
		name, isFlag := strings.CutPrefix(fields[i], "--")
		name, value, joined := strings.Cut(name, "=")
		switch {
		case !isFlag:
			words = append(words, fields[i])
		case name == "wait":
		case joined:
			flags[name] = strings.Trim(value, "'")
		case i+1 < len(fields):
			i++
			flags[name] = strings.Trim(fields[i], "'")
		}
	}
	return words, flags
}

var errUnknown = errors.New("unknown words or flags")

func (g *Gcloud) doSecrets(words []string, flags map[string]string, input string) (string, error) {
	at := "projects/" + Project
	if l := flags["location"]; l != "" {
		at += "/locations/" + l
	}
	switch {
	case len(words) == 2 && words[0] == "add-iam-policy-binding":
		return "", g.bind(flags)
	case len(words) == 3 && words[0] == "versions" && words[1] == "add" && flags["data-file"] == "-" && input != "":
		name := g.AddVersion(at+"/secrets/"+words[2], input)
		return name[strings.LastIndex(name, "/")+1:] + "\n", nil // as --format 'value(name.basename())' prints it
	case len(words) == 3 && words[0] == "versions" && slices.Contains([]string{"enable", "disable"}, words[1]) && flags["secret"] != "":
		if _, err := strconv.Atoi(words[2]); err != nil {
			return "", err
		}
		state := map[string]string{"enable": Enabled, "disable": Disabled}[words[1]]
		g.SetState(at+"/secrets/"+flags["secret"]+"/versions/"+words[2], state)
		return "", nil
	}
	return "", errUnknown
}

// bind gives the service account a role.
func (g *Gcloud) bind(flags map[string]string) error {
	if flags["member"] != "serviceAccount:"+Account || !strings.HasPrefix(flags["role"], "roles/") {
		return errUnknown
	}
	g.SetRole(flags["role"], true)
	return nil
}

func (g *Gcloud) doRole(words []string, flags map[string]string, _ string) (string, error) {
	if !slices.Equal(words, []string{"add-iam-policy-binding", Project}) {
		return "", errUnknown
	}
	return "", g.bind(flags)
}

func (g *Gcloud) doServices(words []string, _ map[string]string, _ string) (string, error) {
	if !slices.Equal(words, []string{"enable", "secretmanager.googleapis.com"}) {
		return "", errUnknown
	}
	g.SetAPI(true)
	return "", nil
}

func (g *Gcloud) doAccounts(words []string, _ map[string]string, _ string) (string, error) {
	if !slices.Equal(words, []string{"service-accounts", "enable", Account}) {
		return "", errUnknown
	}
	g.SetAccount(true)
	return "", nil
}

func (g *Gcloud) doSQL(words []string, flags map[string]string, _ string) (string, error) {
	instance := path.Base(strings.ReplaceAll(Connection, ":", "/"))
	switch {
	case len(words) == 3 && words[0] == "users" && words[1] == "create" && flags["instance"] == instance && flags["type"] == "cloud_iam_service_account":
		g.AddUser(words[2])
	case slices.Equal(words, []string{"instances", "patch", instance}) && flags["database-flags"] == "cloudsql.iam_authentication=on":
		g.SetIAM(true)
	default:
		return "", errUnknown
	}
	return "", nil
}

func (g *Gcloud) doRun(words []string, flags map[string]string, _ string) (string, error) {
	if g.Run == nil {
		return "", errUnknown
	}
	return "", g.Run(words, flags)
}
