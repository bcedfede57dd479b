// PostgreSQL through a pool; where the machine has none, SQLite (WAL, every commit synced).
const tables = key => `
create table posts(id ${key}, title text not null);
create table likes(id ${key}, post_id bigint not null references posts(id) on delete cascade,
  visitor text not null, unique(post_id, visitor));`
const add = 'insert into likes(post_id, visitor) values($1, $2) on conflict do nothing'
const remove = 'delete from likes where post_id = $1 and visitor = $2'
const count = 'select count(*) n from likes where post_id = $1'

function postgres (url) {
  const { Pool } = require('pg')
  const pool = new Pool({ connectionString: url, max: 10 })
  return {
    create: async posts => {
      await pool.query(tables('bigserial primary key'))
      await pool.query("insert into posts(title) select 'post ' || i from generate_series(1, $1::int) i", [posts])
      await pool.end()
    },
    set: (post, visitor, liked) => pool.query(liked ? add : remove, [post, visitor]),
    count: async post => +(await pool.query(count, [post])).rows[0].n
  }
}

function sqlite (path) {
  const db = new (require('better-sqlite3'))(path, { timeout: 10000 })
  db.pragma('journal_mode = WAL')
  db.pragma('synchronous = FULL')
  const prepared = {}
  const sql = text => (prepared[text] ??= db.prepare(text.replace(/\$\d/g, '?')))
  return {
    create: async posts => {
      db.exec(tables('integer primary key'))
      db.transaction(() => { for (let i = 1; i <= posts; i++) sql('insert into posts(title) values($1)').run(`post ${i}`) })()
    },
    set: async (post, visitor, liked) => sql(liked ? add : remove).run(post, visitor),
    count: async post => sql(count).get(post).n
  }
}

module.exports = process.env.DATABASE_URL ? postgres(process.env.DATABASE_URL) : sqlite(process.env.SQLITE)
