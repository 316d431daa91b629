'use strict'

// A service under the released dd-trace, driven by its standard input; see ../../tracers.py.
const tracer = require('dd-trace').init()
const readline = require('node:readline')

const KEY = 'dd-pathway-ctx-base64'
const checkpointer = tracer.dataStreamsCheckpointer

// A message in a context of its own: the tracer goes on from what the context has passed last.
const pass = (kind, from, to, header) => new Promise(resolve => setImmediate(() => {
  if (from !== '-') checkpointer.setConsumeCheckpoint(kind, from, { [KEY]: header })
  const carrier = {}
  if (to !== '-') checkpointer.setProduceCheckpoint(kind, to, carrier)
  resolve(carrier[KEY] ?? '')
}))

readline.createInterface({ input: process.stdin }).on('line', async line => {
  const [kind, from, to, ...rest] = line.split(' ')
  const headers = from === '-' ? Array(Number(rest[0])).fill() : rest
  const sent = await Promise.all(headers.map(header => pass(kind, from, to, header)))
  console.log(sent.join(' ').trim())
})
