// Package notice carries what integrations have to say to the program: that they switched something off, and why. Nothing
// is printed: the line goes to the program's logger, and stays readable in datastreams.Err.
package notice

import "sync"

const (
	// most bounds what is told.
	most = 64
	// more is told in place of everything after that: what messages have to say, they have to say each time.
	more = "datastreams: there is more that travels without a pathway than is told one by one; integrations.Counts tells how much"
)

var (
	mutex   sync.Mutex
	notices []string
	logger  func(line string)
)

// SetLogger says where lines go. Nil: nowhere.
func SetLogger(log func(line string)) {
	mutex.Lock()
	defer mutex.Unlock()
	logger = log
}

// Say tells the program something that it has to know. The same line is told once.
func Say(line string) {
	mutex.Lock()
	for _, known := range notices {
		if known == line {
			mutex.Unlock()
			return
		}
	}
	if len(notices) > most {
		mutex.Unlock()
		return
	}
	if len(notices) == most {
		line = more
	}
	notices = append(notices, line)
	log := logger
	mutex.Unlock()
	if log != nil {
		log(line)
	}
}

// First returns the first notice, or "".
func First() string {
	mutex.Lock()
	defer mutex.Unlock()
	if len(notices) == 0 {
		return ""
	}
	return notices[0]
}

// Clear forgets all notices.
func Clear() {
	mutex.Lock()
	defer mutex.Unlock()
	notices = nil
}
