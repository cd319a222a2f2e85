//! Unpacks Swagger UI from the registry package that contains it and compresses its files, so that
//! serving them takes no work.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    // Shrinks half a MiB of relocations, applied at each start, to some KiB; needs glibc 2.36 or musl.
    println!("cargo::rustc-link-arg-bins=-Wl,-z,pack-relative-relocs");
    #[cfg(feature = "swagger-ui")]
    swagger_ui::write().expect("Swagger UI is unpacked");
}

#[cfg(feature = "swagger-ui")]
mod swagger_ui {
    use std::env;
    use std::error::Error;
    use std::fmt::Write as _;
    use std::fs;
    use std::io::{Cursor, Read as _, Write as _};
    use std::path::Path;
    use utoipa_swagger_ui_vendored::SWAGGER_UI_VENDORED;
    use zip::ZipArchive;

    const FILES: [(&str, &str, &str); 3] = [
        ("BUNDLE", "swagger-ui-bundle.js", "text/javascript; charset=utf-8"),
        ("STYLE", "swagger-ui.css", "text/css; charset=utf-8"),
        ("ICON", "favicon-32x32.png", "image/png"),
    ];

    /// Writes the files, and the code that includes them.
    pub(super) fn write() -> Result<(), Box<dyn Error>> {
        let folder = env::var("OUT_DIR")?;
        let folder = Path::new(&folder);
        let mut archive = ZipArchive::new(Cursor::new(SWAGGER_UI_VENDORED))?;
        let mut code = String::new();
        for (name, file, media_type) in FILES {
            let path = archive
                .file_names()
                .find(|path| {
                    path.ends_with(&format!("/dist/{file}")) && !path.contains("/flavors/")
                })
                .map(str::to_owned)
                .ok_or_else(|| format!("{file} is not in the package"))?;
            let mut plain = Vec::new();
            archive.by_name(&path)?.read_to_end(&mut plain)?;
            let gzip = gzip(&plain)?;
            let is_packed = gzip.len() < plain.len();
            let compressed = [("gzip", "gz", gzip), ("brotli", "br", brotli(&plain)?)];
            let path = folder.join(file);
            let include = |path: &Path| {
                format!("Bytes::from_static(include_bytes!({:?}))", path.display().to_string())
            };
            let mut forms = String::new();
            for (field, extension, bytes) in compressed {
                let path = folder.join(format!("{file}.{extension}"));
                let form = if bytes.len() < plain.len() {
                    fs::write(&path, bytes)?;
                    format!("Some({})", include(&path))
                } else {
                    "None".to_owned()
                };
                write!(forms, "{field}: {form}, ")?;
            }
            // It is unpacked if a client asks for the plain form; few do.
            if is_packed {
                forms.push_str("plain: None");
            } else {
                fs::write(&path, &plain)?;
                write!(forms, "plain: Some({})", include(&path))?;
            }
            let mut sum = flate2::Crc::new();
            sum.update(&plain);
            writeln!(
                code,
                "pub(super) static {name}: Page = Page {{ media_type: {media_type:?}, {forms}, \
             unpacked: OnceLock::new(), etag: Cow::Borrowed(\"{:08x}\"), \
             cache_control: \"public, max-age=3600\" }};",
                sum.sum(),
            )?;
        }
        fs::write(folder.join("swagger_ui.rs"), code)?;
        Ok(())
    }

    fn gzip(bytes: &[u8]) -> std::io::Result<Vec<u8>> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(bytes)?;
        encoder.finish()
    }

    fn brotli(mut bytes: &[u8]) -> std::io::Result<Vec<u8>> {
        let mut out = Vec::new();
        let quality =
            brotli::enc::BrotliEncoderParams { quality: 9, lgwin: 22, ..Default::default() };
        brotli::BrotliCompress(&mut bytes, &mut out, &quality)?;
        Ok(out)
    }
}
