package stdio

// inputID begins the ids of questions.
const inputID = "input-"

// incoming translates a message of the process.
func (x *sessionless) incoming(m message) crossing {
	x.mu.Lock()
	defer x.mu.Unlock()
	switch {
	case m.isResponse():
		return x.responded(m)
	case m.isNotification():
		return x.noticed(m)
	}
	return crossing{back: []message{m}}
}

// responded translates a response. x.mu is held.
func (x *sessionless) responded(m message) crossing {
	id := string(m.id)
	if s := x.listens[id]; s != nil {
		return x.ended(s, m)
	}
	call, wantsInput := x.flying[id], m.child("result").text("resultType") == "input_required"
	delete(x.flying, id)
	switch {
	case call == nil && wantsInput:
		return crossing{} // the call was canceled
	case call == nil:
		return crossing{back: []message{m}}
	case wantsInput:
		return x.ask(call, m.child("result"))
	}
	x.drop(call)
	m = m.withID(call.request.id)
	if e := m.child("error"); call.request.method == "resources/read" && string(e.get("code")) == "-32602" && e.child("data").has("uri") {
		m.object = m.with("error", e.with("code", []byte(oldNotFound)).raw())
	}
	return crossing{back: []message{m}}
}

// ask makes requests of what the process wants to know. x.mu is held.
func (x *sessionless) ask(call *rounds, result object) crossing {
	number, _ := number(call.request.id)
	crossed := crossing{about: number}
	call.state = result.get("requestState")
	for _, wanted := range result.child("inputRequests") {
		question, err := parseObject(wanted.value)
		if err != nil {
			continue
		}
		id := x.newID(inputID)
		x.questions[string(id)] = asked{call, wanted.name}
		crossed.back = append(crossed.back, newRequest(id, question.text("method"), question.get("params")))
	}
	if call.open = len(crossed.back); call.open == 0 {
		return x.again(call)
	}
	return crossed
}

// noticed translates a notification. x.mu is held.
func (x *sessionless) noticed(m message) crossing {
	params := m.params()
	meta := params.child("_meta")
	listener := meta.get(metaListener)
	switch {
	case m.method == "notifications/subscriptions/acknowledged":
		return x.acknowledged(string(listener), m)
	case m.method == methodCancelled:
		if s := x.listens[string(params.get("requestId"))]; s != nil {
			return x.ended(s, newError(m.id, codeServerError, "The server has ended the subscription."))
		}
	case listener != nil:
		s := x.listens[string(listener)]
		switch {
		case s == nil:
			return crossing{} // the client has unsubscribed
		case s.further != nil:
			return crossing{notice: func() { s.further.notice(m) }}
		}
		if meta = meta.without(metaListener); len(meta) > 0 {
			params = params.with("_meta", meta.raw())
		} else {
			params = params.without("_meta")
		}
		m = m.withParams(params)
	}
	return crossing{back: []message{m}}
}
