package db_test

import (
	"context"
	"database/sql"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
	"github.com/mcpkeep/mcpkeep/internal/db/pgdb"
	"github.com/mcpkeep/mcpkeep/internal/db/sqlitedb"
)

// planQuery is a generated query and the values that it is run with.
type planQuery struct {
	name string
	sql  string
	args []any
}

var errRecorded = errors.New("recorded, not run")

// recorder takes the queries instead of a database.
type recorder struct {
	query planQuery
	row   func() *sql.Row
}

func (r *recorder) record(query string, args []any) {
	r.query.sql, r.query.args = query, args
}

// pgRecorder and sqliteRecorder are what the generated packages want.
type pgRecorder struct{ *recorder }

func (r pgRecorder) Exec(_ context.Context, query string, args ...any) (pgconn.CommandTag, error) {
	r.record(query, args)
	return pgconn.CommandTag{}, errRecorded
}

func (r pgRecorder) Query(_ context.Context, query string, args ...any) (pgx.Rows, error) {
	r.record(query, args)
	return nil, errRecorded
}

func (r pgRecorder) QueryRow(_ context.Context, query string, args ...any) pgx.Row {
	r.record(query, args)
	return recordedRow{}
}

type recordedRow struct{}

func (recordedRow) Scan(...any) error { return errRecorded }

type sqliteRecorder struct{ *recorder }

func (r sqliteRecorder) ExecContext(_ context.Context, query string, args ...any) (sql.Result, error) {
	r.record(query, args)
	return nil, errRecorded
}

func (r sqliteRecorder) QueryContext(_ context.Context, query string, args ...any) (*sql.Rows, error) {
	r.record(query, args)
	return nil, errRecorded
}

func (r sqliteRecorder) QueryRowContext(_ context.Context, query string, args ...any) *sql.Row {
	r.record(query, args)
	return r.row()
}

func (sqliteRecorder) PrepareContext(context.Context, string) (*sql.Stmt, error) {
	return nil, errRecorded
}

// planQueries returns every method of the generated Querier: its SQL and the values
// it sends. A query that is new is included automatically.
func planQueries(t *testing.T, e dbtest.Engine, conn *sql.DB) []planQuery {
	t.Helper()
	r := &recorder{row: func() *sql.Row { return conn.QueryRowContext(t.Context(), "SELECT 1 WHERE 1 = 0") }}
	var queries reflect.Value
	if e.Name == "sqlite" {
		queries = reflect.ValueOf(sqlitedb.New(sqliteRecorder{r}))
	} else {
		queries = reflect.ValueOf(pgdb.New(pgRecorder{r}))
	}
	var all []planQuery
	methods := reflect.TypeFor[sqlitedb.Querier]()
	for i := range methods.NumMethod() {
		name := methods.Method(i).Name
		method := queries.MethodByName(name)
		in := []reflect.Value{reflect.ValueOf(t.Context())}
		if method.Type().NumIn() == 2 {
			in = append(in, planArgument(name, method.Type().In(1)))
		}
		r.query = planQuery{name: name}
		method.Call(in)
		if !strings.HasPrefix(r.query.sql, "-- name: "+name+" ") {
			t.Fatalf("%s runs %q", name, r.query.sql)
		}
		all = append(all, r.query)
	}
	return all
}

// planSingles are the names of parameters that are the only one of their query, where
// it is not an id or a time.
var planSingles = map[string]string{"SampleClients": "MaxRows"}

// planArgument makes the parameters of a query.
func planArgument(query string, typ reflect.Type) reflect.Value {
	v := reflect.New(typ).Elem()
	if typ.Kind() != reflect.Struct {
		setPlanValue(v, query, planSingles[query])
		return v
	}
	for i := range typ.NumField() {
		setPlanValue(v.Field(i), query, typ.Field(i).Name)
	}
	return v
}

// planTexts are the values of parameters by their names; all others are "x".
var planTexts = map[string]string{
	"ID": "grt_7", "RowID": "grt_7", "UserID": "usr_7", "ClientID": "c7", "GrantID": "grt_7", "Type": "code_reuse",
	"Issuer": "https://issuer.example", "Subject": "s7", "ProfileKeyID": "k", "PasswordKeyID": "k", "ProviderTokenKeyID": "k",
	"SuccessorKeyID": "k", "KeyID": "k", "ValueKeyID": "k", "RequestKeyID": "k", "TokenHash": hash43, "SuccessorHash": hash43,
	"CodeHash": hash43, "StateHash": hash43, "BrowserHash": hash43, "JtiHash": hash43, "After": "", "Since": "",
	"PrimaryID": "another key", "": "grt_7", "Value": `{"v": 1}`, "Name": "cleaner",
}

// planFilters are the parameters of listings that may be "", and the listings, by
// what their names contain, in which they are not.
var planFilters = map[string][]string{
	"Type": {"EventsOfType"}, "GrantID": {"EventsOfGrant"}, "Issuer": {"BySubject"}, "Subject": {"BySubject"},
	"ClientID": {"OfClient"}, "UserID": {"OfUser", "ListLiveGrants", "ListUnneeded"},
}

// planPage is how many rows a page has.
const planPage = 20

func setPlanValue(v reflect.Value, query, field string) {
	if v.Kind() == reflect.Pointer {
		v.Set(reflect.New(v.Type().Elem()))
		v = v.Elem()
	}
	switch value := v.Addr().Interface().(type) {
	case *time.Time:
		*value = time.Unix(planNow, 0).UTC()
	case *[]byte:
		*value = []byte(planTexts["Value"])
	case *bool:
		*value = true
	case *int64:
		*value = planNumber(query, field)
	case *string:
		*value = planText(query, field)
	default:
		panic("no value for the plan tests of type " + v.Type().String())
	}
}

func planNumber(query, field string) int64 {
	switch {
	case field == "MaxRows":
		return planPage
	case field == "Ceiling":
		return 1 << 40
	case field == "CountedAfter":
		return 1
	case query == "ListEventsByNumber" && field == "After":
		return 100
	case field == "Since" && strings.Contains(query, "Event"):
		return planNow - 25000
	}
	return planNow
}

func planText(query, field string) string {
	listing := strings.HasPrefix(query, "List") || strings.HasPrefix(query, "Find")
	if in, ok := planFilters[field]; ok && listing && !slices.ContainsFunc(in, func(s string) bool { return strings.Contains(query, s) }) {
		return ""
	}
	if text, ok := planTexts[field]; ok {
		return text
	}
	return "x"
}
