package inner

// main writes a letter.
//
// It is sent at once.
func main(
	to string, // who gets it
	// what it says
	body string,
	copies int,
	_ bool,
	rest ...string,
) error {
	return nil // not a note
}
