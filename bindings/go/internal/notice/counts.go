package notice

import "maps"

var counts = map[string]uint64{}

// Count counts one more of a cause. Causes are literals, so there are few.
func Count(cause string) {
	mutex.Lock()
	defer mutex.Unlock()
	counts[cause]++
}

// Counts returns how often each cause was counted since the program began.
func Counts() map[string]uint64 {
	mutex.Lock()
	defer mutex.Unlock()
	return maps.Clone(counts)
}
