const { Worker } = require('bullmq')
const { Redis } = require('ioredis')
const { Emitter } = require('@socket.io/redis-emitter')
const database = require('./database')

const connection = { host: '127.0.0.1', port: +process.env.REDIS_PORT, maxRetriesPerRequest: null }
const io = new Emitter(new Redis(connection))
const worker = new Worker('likes', async job => {
  const { post, visitor, liked } = job.data
  await database.set(post, visitor, liked)
  const count = await database.count(post)
  const html = `<span id="likes-${post}" hx-swap-oob="true" class="count">${count}</span>`
  io.to('likes').emit('like', { post, count, by: visitor, liked, html })
}, { connection, concurrency: 10 })
worker.on('ready', () => console.log('ready'))
worker.on('failed', (job, error) => console.error(error))
worker.on('error', error => console.error(error))
