require('./database').create(+process.env.POSTS)
