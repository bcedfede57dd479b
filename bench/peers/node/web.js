const http = require('http')
const cookieParser = require('cookie-parser')
const express = require('express')
const { Queue } = require('bullmq')
const { Redis } = require('ioredis')
const { createAdapter } = require('@socket.io/redis-adapter')
const { Server } = require('socket.io')
const database = require('./database')

const connection = { host: '127.0.0.1', port: +process.env.REDIS_PORT }
const queue = new Queue('likes', {
  connection, defaultJobOptions: { removeOnComplete: true, removeOnFail: 1000, attempts: 3 }
})

const app = express()
app.disable('x-powered-by')
app.use(cookieParser())
app.use(express.urlencoded({ extended: false }))
app.post('/like/:post', async (req, res) => {
  const liked = req.body.liked === '1'
  const post = +req.params.post
  await queue.add('like', { post, visitor: req.cookies.vid, liked })
  res.type('html').send(`<button class="heart${liked ? ' on' : ''}" hx-post="/like/${post}">♥</button>`)
})
app.get('/count/:post', async (req, res) => res.send(String(await database.count(+req.params.post))))

const server = http.createServer(app)
const publisher = new Redis(connection)
const io = new Server(server, { adapter: createAdapter(publisher, publisher.duplicate()), transports: ['websocket'] })
io.on('connection', socket => socket.join('likes'))
server.listen(+process.env.PORT, '127.0.0.1', 4096)
