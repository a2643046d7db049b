package inner

// main takes one of each.
func main(s string, i int, i64 int64, u uint8, f float32, b bool, a any, e interface{}, r rune, by byte, c complex128) {
}
