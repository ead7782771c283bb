package oauth

// refusedSchemes run script, read files, open another program of the system or
// speak another protocol: none is an app's own (RFC 8252 §7.1).
var refusedSchemes = setOf(
	// script and documents made of the URI itself
	"javascript", "jscript", "livescript", "mocha", "vbscript", "vbs", "data", "blob", "about", "filesystem", "srcdoc",
	// the browser's own pages and extensions
	"view-source", "chrome", "chrome-extension", "chrome-search", "chrome-untrusted", "devtools", "edge", "extension",
	"moz-extension", "moz-icon", "resource", "safari-extension", "safari-web-extension", "ms-browser-extension",
	"brave", "opera", "vivaldi", "wyciwyg", "read", "reader",
	// files and archives
	"file", "content", "jar", "cid", "mid", "mhtml", "res", "mk", "its", "ms-its", "ms-itss", "assets", "shell",
	// other protocols
	"ws", "wss", "ftp", "ftps", "sftp", "tftp", "gopher", "telnet", "ssh", "rlogin", "ldap", "ldaps", "smb", "afp", "nfs",
	"dav", "davs", "dict", "finger", "imap", "pop", "nntp", "news", "snews", "irc", "ircs", "git", "svn", "rtsp", "rtmp", "feed", "webcal",
	"rdp", "vnc", "dns", "coap", "coaps", "redis", "ipfs", "ipns", "magnet",
	// mail, telephone, identifiers, money
	"mailto", "tel", "sms", "smsto", "mms", "callto", "facetime", "facetime-audio", "geo", "maps", "urn", "tag", "doi", "bitcoin", "ethereum",
	// launchers of other programs
	"intent", "android-app", "market", "itms", "itms-apps", "itms-services", "shortcuts", "workflow", "x-apple.systempreferences",
	"applescript", "terminal", "help", "hcp", "search", "search-ms", "ms-msdt", "ms-officecmd", "ms-settings", "ms-appinstaller",
	"ms-cxh", "ms-cxh-full", "ms-gamingoverlay", "ms-excel", "ms-word", "ms-powerpoint", "ms-screenclip", "steam",
)

func setOf(names ...string) map[string]bool {
	set := make(map[string]bool, len(names))
	for _, name := range names {
		set[name] = true
	}
	return set
}
