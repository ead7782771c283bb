package oauth_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mcpkeep/mcpkeep/internal/oauth"
)

// TestParseUpdate: 7592-02, 7592-06.
func TestParseUpdate(t *testing.T) {
	t.Parallel()
	const uri, metadata = oauth.InvalidRedirectURI, oauth.InvalidClientMetadata
	id := func(members string) string { return with(`,"client_id":"c_1"` + members) }
	tests := []struct {
		name, body string
		code       oauth.Code // "" when it is good
		want       oauth.Update
	}{
		{"full replacement: defaults fill in", id(``), "", oauth.Update{Registration: defaults(nil), ClientID: "c_1"}},
		{"a secret", id(`,"client_secret":"mks_x"`), "", oauth.Update{Registration: defaults(nil), ClientID: "c_1", Secret: "mks_x"}},
		{"null is absent", id(`,"registration_client_uri":null,"client_secret":null`), "", oauth.Update{Registration: defaults(nil), ClientID: "c_1"}},
		{"no client_id", with(``), metadata, oauth.Update{}},
		{"empty client_id", with(`,"client_id":""`), metadata, oauth.Update{}},
		{"client_id as a number", with(`,"client_id":1`), metadata, oauth.Update{}},
		{"client_secret as a number", id(`,"client_secret":1`), metadata, oauth.Update{}},
		{"token", id(`,"registration_access_token":"mkg_x"`), metadata, oauth.Update{}},
		{"URI", id(`,"registration_client_uri":"https://keep.example/register/c_1"`), metadata, oauth.Update{}},
		{"issued at", id(`,"client_id_issued_at":1`), metadata, oauth.Update{}},
		{"expires at", id(`,"client_secret_expires_at":0`), metadata, oauth.Update{}},
		{"client_id twice", id(`,"client_id":"c_1"`), metadata, oauth.Update{}},
		{"no redirect URIs", `{"client_id":"c_1"}`, uri, oauth.Update{}},
		{"today's policy", `{"client_id":"c_1","redirect_uris":["http://evil.example/cb"]}`, uri, oauth.Update{}},
		{"no JSON", `client_id=c_1`, metadata, oauth.Update{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := oauth.ParseUpdate([]byte(tt.body))
			if tt.code != "" {
				if code := codeOf(t, err); code != tt.code {
					t.Errorf("ParseUpdate() = %+v, %v; want %s", got, err, tt.code)
				}
				return
			}
			if diff := cmp.Diff(tt.want, got); diff != "" || err != nil {
				t.Errorf("%v (-want +got)\n%s", err, diff)
			}
		})
	}
}
