//! `users import`: imports users of other applications, all of them or none.

mod django;
mod htpasswd;
mod line;
mod lines;
mod table;

use crate::accounts::Author;
use crate::cli::progress::bar;
use crate::cli::users::import::line::{Line, Problem};
use crate::cli::users::import::lines::Lines;
use crate::cli::users::import::table::Table;
use crate::cli::users::{Session, UsersError};
use crate::domain::{NewUser, ScopeName, Scopes, Taken, check_new_name};
use clap::{Args, ValueEnum};
use indicatif::ProgressBar;
use std::collections::HashMap;
use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead as _, BufReader, Seek as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// The help on formats.
pub(super) const HELP: &str = "\
jsonl: one JSON object a line; username and hashed_password are required:
  {\"username\": \"alice\", \"email\": \"alice@example.com\", \"full_name\": \"Alice Wonderson\",
   \"disabled\": false, \"hashed_password\": \"$2b$12$…\", \"scopes\": [\"me\", \"items\"]}
csv: a header with these names, in any order; the scopes of a user are separated by blanks.
htpasswd: the file that Apache's and nginx's htpasswd write.
django: what `manage.py dumpdata auth.user` writes as JSON or JSON lines, or the table auth_user as
CSV with a header. Users of another model are known by the fields `password` and `last_login`.

A hash is kept as it is, and replaced at the user's next login unless it is what would be written
today, or the password has more than 71 bytes, of which bcrypt reads no more. Accepted are bcrypt ($2a$, $2b$, $2x$, $2y$), bcrypt_sha256, argon2, scrypt and PBKDF2 as
passlib, pwdlib, Django and Werkzeug write them, SHA-crypt ($5$, $6$), MD5-crypt ($1$, $apr1$) and
digests like {SHA} and {SSHA}. Where it is null or begins with `!`, the user has no password and
cannot log in with one. bcrypt's cost is at most 14, or 2 above the configured one
(passwords.bcrypt_cost); argon2 and scrypt take at most 256 MiB.";

/// What some programs write before UTF-8.
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// Users written at once.
const BATCH: usize = 1_000;

/// `users import`
#[derive(Debug, Args)]
pub(in crate::cli) struct Import {
    /// The file; `-` for standard input.
    file: PathBuf,
    /// What the file holds.
    #[arg(long, value_enum, default_value_t = Format::Jsonl)]
    format: Format,
    /// Skip users that already exist instead of failing.
    #[arg(long)]
    skip_existing: bool,
    /// Check everything, and import nothing.
    #[arg(long)]
    dry_run: bool,
    /// A scope for users whose line names none; may be repeated.
    #[arg(long = "scope", value_name = "SCOPE")]
    scopes: Vec<ScopeName>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    Jsonl,
    Csv,
    Htpasswd,
    Django,
}

/// The entries of a file, each with its number, from 1.
type Entries<'a> = Box<dyn Iterator<Item = (u64, Result<Line, Problem>)> + 'a>;

impl Format {
    /// The entries of a file, and what their numbers count.
    fn entries<'a>(self, from: impl io::Read + 'a) -> io::Result<(Entries<'a>, &'static str)> {
        let mut from = BufReader::new(from);
        if from.fill_buf()?.starts_with(BYTE_ORDER_MARK) {
            from.consume(BYTE_ORDER_MARK.len());
        }
        Ok(match self {
            Self::Jsonl => (Box::new(Lines::new(from, |bytes| Some(Line::read(bytes)))), "line"),
            Self::Csv => (Box::new(Table::new(from, table::own, false)), "line"),
            Self::Htpasswd => (Box::new(Lines::new(from, htpasswd::read)), "line"),
            Self::Django => django::entries(from)?,
        })
    }
}

/// The result of checking a file.
struct Checked {
    /// The users and the numbers of their entries.
    numbers: HashMap<String, u64>,
    unit: &'static str,
    /// How many of the hashes cost more than a new one.
    dearer: u64,
}

impl Session<'_> {
    /// Reads the input twice: first it checks every entry, while others can still write to the
    /// database; then it writes all in one transaction. Only the names are held in memory.
    pub(super) async fn import(&mut self, asked: Import) -> Result<(), UsersError> {
        let Import { file: path, format, skip_existing, dry_run, scopes } = asked;
        let scopes = self.declared(scopes)?;
        let fail = |error| UsersError::Failed(format!("{}: {error}", path.display()));
        let mut file = self.rereadable(&path).map_err(fail)?;
        let bar = bar("{wide_bar} {percent} %, {eta} left");
        bar.set_length(2 * file.metadata().map_err(fail)?.len());
        let (mut entries, unit) = format.entries(bar.wrap_read(&file)).map_err(fail)?;
        let checked = self.check(&mut entries, unit, &scopes, &bar);
        drop(entries);
        let checked = checked?;
        if checked.numbers.is_empty() {
            bar.finish_and_clear();
            let none = "no users in the file";
            // A dump of something else: an entry of another model is no mistake by itself.
            if matches!(format, Format::Django) {
                let known_by = "their model is auth.user, or they have `password` and `last_login`";
                return Err(UsersError::Failed(format!("{none}: {known_by}")));
            }
            writeln!(self.errors, "warning: {none}")?;
        }
        file.rewind().map_err(fail)?;

        let mut import = self.store.accounts.import().await.map_err(UsersError::failed)?;
        let (mut entries, _) = format.entries(bar.wrap_read(&file)).map_err(fail)?;
        let mut taken = 0;
        loop {
            let batch = self.batch(&mut entries, &scopes)?;
            if batch.is_empty() {
                break;
            }
            let found = import.add(batch).await.map_err(UsersError::failed)?;
            taken += found.len();
            for one in found.iter().filter(|_| !skip_existing) {
                self.say_taken(one, &checked, &bar)?;
            }
        }
        bar.finish_and_clear();
        if taken > 0 && !skip_existing {
            return Err(UsersError::Failed(format!(
                "{taken} of {} users already exist; nothing was imported (--skip-existing skips \
                 them)",
                checked.numbers.len()
            )));
        }
        let added = checked.numbers.len() - taken;
        self.warn_of_dearer(checked.dearer)?;
        if dry_run {
            // Dropped, and so rolled back.
            drop(import);
            return Ok(writeln!(
                self.out,
                "{added} would be added, {taken} skipped; nothing was imported (--dry-run)"
            )?);
        }
        import.commit(&Author::Operator).await.map_err(UsersError::failed)?;
        Ok(writeln!(self.out, "{added} added, {taken} skipped")?)
    }

    fn say_taken(&mut self, one: &Taken, checked: &Checked, bar: &ProgressBar) -> io::Result<()> {
        let (name, problem) = match one {
            Taken::Name(name) => (name, format!("username: {name} already exists")),
            Taken::Email(name) => (name, "email: already belongs to another user".to_owned()),
        };
        let number = checked.numbers.get(name.as_str()).copied().unwrap_or_default();
        self.say(bar, format_args!("{} {number}: {problem}", checked.unit))
    }

    fn warn_of_dearer(&mut self, dearer: u64) -> io::Result<()> {
        if dearer == 0 {
            return Ok(());
        }
        let cost = self.store.passwords.cost();
        writeln!(
            self.errors,
            "warning: the hashes of {dearer} users have a higher cost than passwords.bcrypt_cost \
             ({cost}): their logins take longer, which reveals that they exist",
        )
    }

    /// Prints something while a bar may be shown.
    fn say(&mut self, bar: &ProgressBar, line: fmt::Arguments<'_>) -> io::Result<()> {
        bar.suspend(|| writeln!(self.errors, "{line}"))
    }

    /// The file, or a copy if it can be read only once. The copy is nameless and disappears with
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

    /// Reports everything that is wrong, for every entry.
    fn check(
        &mut self,
        entries: &mut Entries<'_>,
        unit: &'static str,
        scopes: &Scopes,
        bar: &ProgressBar,
    ) -> Result<Checked, UsersError> {
        let mut numbers = HashMap::new();
        let (mut all, mut bad, mut dearer) = (0_u64, 0_u64, 0_u64);
        let cost = self.store.passwords.cost();
        for (number, entry) in entries {
            all += 1;
            let problem = match entry.and_then(|entry| entry.user(self.store, scopes)) {
                Err(problem) => problem,
                Ok(user) => match numbers.insert(user.username.to_string(), number) {
                    None => {
                        // Its user must not be locked out; the importer can look into it.
                        if let Err(why) = check_new_name(&user.username) {
                            let line = format_args!("{unit} {number}: warning: username: {why}");
                            self.say(bar, line)?;
                        }
                        dearer += u64::from(user.password_hash.cost() > cost);
                        continue;
                    }
                    Some(first) => Problem::new("username", format!("is on {unit} {first} too")),
                },
            };
            bad += 1;
            self.say(bar, format_args!("{unit} {number}: {problem}"))?;
        }
        if bad > 0 {
            bar.finish_and_clear();
            let units = if unit == "line" { "lines" } else { "entries" };
            return Err(UsersError::Failed(format!(
                "{bad} of {all} {units} are wrong; nothing was imported"
            )));
        }
        Ok(Checked { numbers, unit, dearer })
    }

    fn batch(
        &self,
        entries: &mut Entries<'_>,
        scopes: &Scopes,
    ) -> Result<Vec<NewUser>, UsersError> {
        let users = entries.take(BATCH).map(|(_, entry)| entry?.user(self.store, scopes));
        let users: Result<_, Problem> = users.collect();
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
