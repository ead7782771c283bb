package doctor

import "context"

// document tries to fetch one client's metadata document.
func (d *Doctor) document(ctx context.Context) {
	const check = "documents_reachable"
	if d.TryDocument == nil {
		d.skip(areaDocument, check, "what is fetched is unknown until the settings are valid")
		return
	}
	url, err := d.TryDocument(ctx)
	switch {
	case url == "":
		d.ok(areaDocument, check, "no client's metadata document from the internet is needed")
	case err == nil:
		d.ok(areaDocument, check, "clients' metadata documents can be fetched, such as "+url)
	default:
		d.add(Finding{
			Area: areaDocument, Check: check, Status: Warning, What: url + " and others cannot be fetched: " + oneLine(err),
			Why: "The server does not offer metadata documents to apps while that is so: they register instead. Apps that insist are shown as not verified, and hosted ones cannot sign in unless their document ships with mcpkeep.",
			Fix: "Let the server connect to port 443 of the internet directly (firewall, DNS; no proxy is used). Or set MCPKEEP_CIMD=off: apps then register.",
		})
	}
}
