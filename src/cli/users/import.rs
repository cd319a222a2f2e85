//! `users import`: JSON lines in, all users or none.

mod line;

use crate::cli::users::import::line::{Line, Lines};
use crate::cli::users::{Session, UsersError};
use crate::domain::{NewUser, Taken, check_new_name};
use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{self, BufReader, Seek as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

/// What `--help` says about the format.
pub(super) const HELP: &str = "\
One JSON object a line; username and hashed_password are required:
  {\"username\": \"alice\", \"email\": \"alice@example.com\", \"full_name\": \"Alice Wonderson\",
   \"disabled\": false, \"hashed_password\": \"$2b$12$…\", \"scopes\": [\"me\", \"items\"]}
hashed_password is a bcrypt hash ($2a$, $2b$, $2x$ or $2y$); it is kept as it is, and replaced at
the user's next login if its cost is lower than the configured one. Its cost is at most 14, or 2
above the configured one (passwords.bcrypt_cost).";

/// Users written at once.
const BATCH: usize = 1_000;

impl Session<'_> {
    /// Reads the input twice: first every line is checked, while nobody is kept from writing to
    /// the database; then all are written in one transaction. Only the names are held in memory.
    pub(super) async fn import(&mut self, file: &Path, skip: bool) -> Result<(), UsersError> {
        let fail = |error| UsersError::Failed(format!("{}: {error}", file.display()));
        let mut file = self.rereadable(file).map_err(fail)?;
        let (numbers, dearer) = self.check(Lines::new(BufReader::new(&file)))?;
        file.rewind().map_err(fail)?;

        let mut import =
            self.store.users.import(self.store.clock.now()).await.map_err(UsersError::failed)?;
        let mut lines = Lines::new(BufReader::new(&file));
        let mut taken = 0;
        loop {
            let batch = self.batch(&mut lines)?;
            if batch.is_empty() {
                break;
            }
            let found = import.add(batch).await.map_err(UsersError::failed)?;
            taken += found.len();
            for one in found.iter().filter(|_| !skip) {
                let (name, problem) = match one {
                    Taken::Name(name) => (name, format!("username: {name} already exists")),
                    Taken::Email(name) => {
                        (name, "email: already belongs to another user".to_owned())
                    }
                };
                let number = numbers.get(name.as_str()).copied().unwrap_or_default();
                writeln!(self.errors, "line {number}: {problem}")?;
            }
        }
        if taken > 0 && !skip {
            return Err(UsersError::Failed(format!(
                "{taken} of {} users already exist; nothing was imported (--skip-existing skips \
                 them)",
                numbers.len()
            )));
        }
        import.commit().await.map_err(UsersError::failed)?;
        if dearer > 0 {
            writeln!(
                self.errors,
                "warning: the hashes of {dearer} users have a higher cost than \
                 passwords.bcrypt_cost ({}): their logins take longer, which reveals that they \
                 exist",
                self.store.passwords.cost(),
            )?;
        }
        let added = numbers.len() - taken;
        Ok(writeln!(self.out, "{added} added, {taken} skipped")?)
    }

    /// The file, or a copy when it can be read only once. The copy has no name and is gone with
    /// this process.
    fn rereadable(&mut self, path: &Path) -> io::Result<File> {
        let mut file;
        let from: &mut dyn io::Read = if path == Path::new("-") {
            &mut self.input
        } else {
            file = File::open(path)?;
            let metadata = file.metadata()?;
            if metadata.is_file() {
                return Ok(file);
            }
            &mut file
        };
        // Users in PostgreSQL need no data folder.
        let mut copy = nameless(self.data_dir).or_else(|_| nameless(&std::env::temp_dir()))?;
        io::copy(from, &mut copy)?;
        copy.rewind()?;
        Ok(copy)
    }

    /// Reports every bad line; the names with their lines if there is none, and how many of the hashes
    /// cost more than a new one.
    fn check<R: io::BufRead>(
        &mut self,
        lines: Lines<R>,
    ) -> Result<(HashMap<String, u64>, u64), UsersError> {
        let mut numbers = HashMap::new();
        let (mut all, mut bad, mut dearer) = (0_u64, 0_u64, 0_u64);
        let cost = self.store.passwords.cost();
        for (number, line) in lines {
            all += 1;
            let problem = match line.and_then(|line| self.user(line)) {
                Err(problem) => problem,
                Ok(user) => match numbers.insert(user.username.to_string(), number) {
                    None => {
                        // Its user must not be locked out; whoever imports can look into it.
                        if let Err(why) = check_new_name(&user.username) {
                            writeln!(self.errors, "line {number}: warning: username: {why}")?;
                        }
                        dearer += u64::from(user.password_hash.cost() > cost);
                        continue;
                    }
                    Some(first) => {
                        line::Problem::new("username", format!("is on line {first} too"))
                    }
                },
            };
            bad += 1;
            writeln!(self.errors, "line {number}: {problem}")?;
        }
        if bad > 0 {
            return Err(UsersError::Failed(format!(
                "{bad} of {all} lines are wrong; nothing was imported"
            )));
        }
        Ok((numbers, dearer))
    }

    fn user(&self, line: Line) -> Result<NewUser, line::Problem> {
        line.user(&self.store.scopes, self.store.passwords.highest_imported_cost())
    }

    fn batch<R: io::BufRead>(&self, lines: &mut Lines<R>) -> Result<Vec<NewUser>, UsersError> {
        let users = lines.take(BATCH).map(|(_, line)| self.user(line?));
        let users: Result<_, line::Problem> = users.collect();
        users.map_err(|_| UsersError::failed("the file changed while it was being read"))
    }
}

/// A new file without a name.
fn nameless(folder: &Path) -> io::Result<File> {
    let path = folder.join(format!("import-{}.tmp", std::process::id()));
    let file =
        OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(&path)?;
    std::fs::remove_file(path)?;
    Ok(file)
}
