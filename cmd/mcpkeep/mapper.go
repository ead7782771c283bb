package main

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/alecthomas/kong"

	"github.com/mcpkeep/mcpkeep/internal/setting"
)

// badValue keeps the first value that could not be decoded: the library puts errors
// about variables into sentences of its own, from which no error can be unwrapped.
type badValue struct{ err *setting.Error }

// instead returns the error with fields in place of the library's, if there is one.
func (b *badValue) instead(err error) error {
	if err != nil && b.err != nil {
		return b.err
	}
	return err
}

// settingMapper decodes the value of a flag, which may come from its variable.
type settingMapper struct {
	decode kong.Mapper // the library's own
	want   string      // what is accepted; "" when the error says it
	bad    *badValue
}

// mappers replaces the library's mappers of all types that our flags have.
func (b *badValue) mappers() kong.Option {
	return kong.OptionFunc(func(k *kong.Kong) error {
		own := kong.NewRegistry().RegisterDefaults()
		for _, of := range []struct {
			example any
			want    string
		}{
			{"", ""}, {[]string{}, ""}, {int(0), "a whole number"}, {int64(0), "a whole number"},
			{time.Duration(0), "a duration such as 1h, 90m or 30s"},
		} {
			typ := reflect.TypeOf(of.example)
			if err := kong.TypeMapper(typ, settingMapper{own.ForType(typ), of.want, b}).Apply(k); err != nil {
				return err
			}
		}
		isBool := reflect.TypeFor[bool]()
		return kong.TypeMapper(isBool, boolSettingMapper{settingMapper{own.ForType(isBool), "true or false", b}}).Apply(k)
	})
}

// Decode implements kong.Mapper.
func (m settingMapper) Decode(ctx *kong.DecodeContext, target reflect.Value) error {
	trimNext(ctx.Scan, target.Kind() == reflect.Bool)
	if err := m.decode.Decode(ctx, target); err != nil {
		problem := setting.Shown(err.Error()) // it repeats the value
		if problem == setting.NotShown {
			problem = "not usable"
		}
		return m.failed(ctx.Value, m.want, problem)
	}
	if v := ctx.Value; v.Enum != "" && target.Kind() == reflect.String && !slices.Contains(v.EnumSlice(), target.String()) {
		return m.failed(v, choices(v.EnumSlice()), fmt.Sprintf("%q is not known", target.String()))
	}
	return nil
}

// trimNext takes white space from the ends of the next value. The word after a boolean
// flag is its value only if it is joined to the flag.
func trimNext(scan *kong.Scanner, joined bool) {
	next := scan.Peek()
	text, ok := next.Value.(string)
	if !ok || joined && next.Type != kong.FlagValueToken || !next.IsValue() {
		return
	}
	scan.Pop()
	scan.PushTyped(setting.Trim(text), next.Type)
}

// choices lists what is accepted, without the empty value that stands for a default.
func choices(values []string) string {
	values = slices.DeleteFunc(slices.Clone(values), func(v string) bool { return v == "" })
	last := len(values) - 1
	return strings.Join(values[:last], ", ") + " or " + values[last]
}

// failed names the flag and the first of its variables.
func (m settingMapper) failed(v *kong.Value, want, problem string) error {
	e := &setting.Error{Flag: v.ShortSummary(), Problem: problem, Want: want}
	if v.Flag != nil {
		e.Flag = "--" + v.Flag.Name
		if len(v.Flag.Envs) > 0 {
			e.Variable = v.Flag.Envs[0]
		}
	}
	if m.bad.err == nil {
		m.bad.err = e
	}
	return e
}

// boolSettingMapper tells kong that a flag may stand alone.
type boolSettingMapper struct{ settingMapper }

// IsBool implements kong.BoolMapper.
func (boolSettingMapper) IsBool() bool { return true }
