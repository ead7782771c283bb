package everything

// form is the schema of an elicitation.
func form(properties object, required ...string) object {
	return object{"type": "object", "properties": properties, "required": required}
}

var (
	nameForm    = form(object{"name": object{"type": "string"}}, "name")
	confirmForm = form(object{"ok": object{"type": "boolean"}}, "ok")
	colourForm  = form(object{"color": object{"type": "string"}}, "color")
	contextForm = form(object{"context": object{"type": "string"}}, "context")
	contactForm = form(object{
		"username": object{"type": "string", "description": "User's response"},
		"email":    object{"type": "string", "description": "User's email address"},
	}, "username", "email")

	// SEP-1034
	defaultsForm = form(object{
		"name":     object{"type": "string", "default": "John Doe"},
		"age":      object{"type": "integer", "default": 30},
		"score":    object{"type": "number", "default": 95.5},
		"status":   object{"type": "string", "enum": []string{"active", "inactive", "pending"}, "default": "active"},
		"verified": object{"type": "boolean", "default": true},
	}, []string{}...)

	// SEP-1330
	choicesForm = form(object{
		"untitledSingle": object{"type": "string", "enum": []string{"option1", "option2", "option3"}},
		"titledSingle":   object{"type": "string", "oneOf": titled("value1", "First Option", "value2", "Second Option")},
		"legacyEnum": object{
			"type": "string", "enum": []string{"opt1", "opt2", "opt3"}, "enumNames": []string{"Option One", "Option Two", "Option Three"},
		},
		"untitledMulti": object{"type": "array", "items": object{"type": "string", "enum": []string{"option1", "option2", "option3"}}},
		"titledMulti":   object{"type": "array", "items": object{"anyOf": titled("value1", "First Choice", "value2", "Second Choice")}},
	}, []string{}...)
)

// titled are choices, given as values and titles in turn.
func titled(pairs ...string) []object {
	var list []object
	for i := 0; i < len(pairs); i += 2 {
		list = append(list, object{"const": pairs[i], "title": pairs[i+1]})
	}
	return list
}
