// Package brand reads what an operator may change about the look of the pages: a logo, one
// color, a name, and links. It refuses what could run, load something from elsewhere, or
// imitate the words of the consent page.
package brand
