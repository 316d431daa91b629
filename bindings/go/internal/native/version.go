package native

import (
	"strconv"
	"strings"
)

// older tells whether version a, such as "0.1.0", is older than b. Text that is no number counts as 0.
func older(a, b string) bool {
	partsA, partsB := strings.Split(a, "."), strings.Split(b, ".")
	for i := range max(len(partsA), len(partsB)) {
		if x, y := part(partsA, i), part(partsB, i); x != y {
			return x < y
		}
	}
	return false
}

func part(parts []string, i int) int {
	if i >= len(parts) {
		return 0
	}
	number, _, _ := strings.Cut(parts[i], "-")
	value, _ := strconv.Atoi(number)
	return value
}
