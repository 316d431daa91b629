package kafka

import "time"

const (
	// flushTime is how long the client flushes at a time.
	flushTime = 100 * time.Millisecond
	// flushLook is how often what is left is looked at.
	flushLook = 5 * time.Millisecond
)

// Len returns what is not delivered yet, and what the program did not read from Events. Unlike the client's it may be called
// when the producer is closed.
func (p *Producer) Len() int {
	if !p.enter() {
		return len(p.reports) + len(p.events)
	}
	defer p.flushers.Done()
	return p.left()
}

func (p *Producer) left() int {
	p.input.Lock()
	waiting := len(p.messages)
	p.input.Unlock()
	return p.Producer.Len() + len(p.reports) + len(p.events) + waiting
}

// Flush waits until Len is 0, timeoutMs milliseconds at most, and returns it. Unlike the client's it does not wait longer
// where nobody reads Events and the channel is full, and ends when the producer is closed.
func (p *Producer) Flush(timeoutMs int) int {
	if !p.enter() {
		return len(p.reports) + len(p.events)
	}
	defer p.flushers.Done()
	end := time.Now().Add(time.Duration(timeoutMs) * time.Millisecond)
	for {
		p.flushUntil(end)
		if p.left() == 0 && p.settled(end) && p.left() == 0 {
			return 0
		}
		if time.Until(end) <= 0 || p.closed() {
			return p.left()
		}
		time.Sleep(min(flushLook, time.Until(end)))
	}
}

// enter has Close wait for one who flushes or counts, and tells whether it was not called before.
func (p *Producer) enter() bool {
	p.input.Lock()
	defer p.input.Unlock()
	if p.closed() {
		return false
	}
	p.flushers.Add(1)
	return true
}

// flushUntil has the client flush, and waits for that until the end. The client's Flush hands reports to Events itself, and
// waits there for the program without looking at the time: so it runs beside, once for all who flush, and goes on when
// somebody reads, or when Close has given up on that.
func (p *Producer) flushUntil(end time.Time) {
	p.input.Lock()
	flushed := p.flushing
	if flushed == nil {
		flushed = make(chan struct{})
		p.flushing = flushed
		go p.flushStep(flushed, min(flushTime, max(time.Until(end), 0)))
	}
	p.input.Unlock()
	timer := time.NewTimer(max(time.Until(end), 0))
	defer timer.Stop()
	select {
	case <-flushed:
	case <-p.closing:
	case <-timer.C:
	}
}

func (p *Producer) flushStep(flushed chan struct{}, timeout time.Duration) {
	p.Producer.Flush(int(timeout.Milliseconds()))
	p.input.Lock()
	p.flushing = nil
	p.input.Unlock()
	close(flushed)
}

// endFlush waits until nobody flushes, and the client's Flush has returned: the client closes what that writes to.
func (p *Producer) endFlush() {
	p.flushers.Wait()
	p.input.Lock()
	flushed := p.flushing
	p.input.Unlock()
	if flushed != nil {
		<-flushed
	}
}

// closed tells whether Close was called.
func (p *Producer) closed() bool {
	select {
	case <-p.closing:
		return true
	default:
		return false
	}
}

// settled waits until no event is in hand, and tells whether that was before the end.
func (p *Producer) settled(end time.Time) bool {
	timer := time.NewTimer(max(time.Until(end), 0))
	defer timer.Stop()
	select {
	case p.idle <- struct{}{}:
		return true
	case <-p.done:
		return true
	case <-p.closing:
		return false
	case <-timer.C:
		return false
	}
}
