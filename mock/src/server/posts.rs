//! Posts of webhooks, over HTTP to this machine and nowhere else.
//!
//! The server never waits for them: those that find the queue full are dropped, and counted.

use super::shared::Shell;
use crate::webhooks::WebhookPost;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use hyper::{Request, Uri};
use hyper_util::rt::TokioIo;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;

/// Time that a receiver has for its answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Sends `posts`, each once its time has come.
pub(super) fn send(shell: &Arc<Shell>, posts: Vec<WebhookPost>) {
    for post in posts {
        let Ok(place) = Arc::clone(&shell.posts.places).try_acquire_owned() else {
            shell.posts.note(false);
            continue;
        };
        let shell = Arc::clone(shell);
        #[expect(clippy::disallowed_methods, reason = "no call waits for a post")]
        tokio::spawn(async move {
            shell.timer.wait_until(shell.live.instant(post.at)).await;
            #[expect(clippy::disallowed_methods, reason = "the server lives on the wall clock")]
            let sent = tokio::time::timeout(PATIENCE, sent(&post)).await;
            shell.posts.note(matches!(sent, Ok(Some(true))));
            drop(place);
        });
    }
}

/// Sends one post; true if it was answered with a success, `None` if it could not be sent.
async fn sent(post: &WebhookPost) -> Option<bool> {
    let url = post.webhook.url.as_deref()?;
    let addr = loopback(url)?;
    let uri: Uri = url.parse().ok()?;
    let stream = TcpStream::connect(addr).await.ok()?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.ok()?;
    let content_type = post.webhook.content_type.as_deref().unwrap_or("application/json");
    let mut request = Request::post(uri.path_and_query().map_or("/", |it| it.as_str()))
        .header(HOST, addr.to_string())
        .header(CONTENT_TYPE, content_type);
    if let Some(basic) = &post.webhook.http_basic {
        let pair = STANDARD.encode(format!("{}:{}", basic.user_name, basic.password));
        request = request.header(AUTHORIZATION, format!("Basic {pair}"));
    }
    let request = request.body(post.body.clone()).ok()?;
    let mut answer =
        pin!(async { Some(sender.send_request(request).await.ok()?.status().is_success()) });
    tokio::select! {
        answer = &mut answer => answer,
        // A receiver may hang up right behind its answer.
        _ = connection => answer.await,
    }
}

/// The address behind `url`, if it is one of this machine; names other than `localhost` are not looked up.
fn loopback(url: &str) -> Option<SocketAddr> {
    let uri: Uri = url.parse().ok()?;
    if uri.scheme_str() != Some("http") {
        return None;
    }
    let host = uri.host()?.trim_start_matches('[').trim_end_matches(']');
    let ip = match host {
        "localhost" => IpAddr::from(Ipv4Addr::LOCALHOST),
        _ => host.parse().ok()?,
    };
    ip.is_loopback().then(|| SocketAddr::new(ip, uri.port_u16().unwrap_or(80)))
}

#[cfg(test)]
mod tests {
    use super::loopback;

    #[test]
    fn only_this_machine_is_posted_to() {
        for here in [
            "http://127.0.0.1:9/x",
            "http://localhost:9",
            "http://[::1]:9/",
            "http://127.9.9.9:9/?a=b",
            // A name before the sign is a user's.
            "http://example.org:9@127.0.0.1:9/x",
        ] {
            assert_eq!(loopback(here).map(|addr| addr.port()), Some(9), "{here}");
        }
        for elsewhere in [
            "http://example.org/",
            "https://127.0.0.1:9/",
            "http://10.0.0.1:9/",
            "http://0.0.0.0:9/",
            "http://127.0.0.1.example.org:9/",
            "http://127.0.0.1:9@example.org/x",
            "127.0.0.1:9",
            "",
            "http://[::ffff:8.8.8.8]:9/",
        ] {
            assert_eq!(loopback(elsewhere), None, "{elsewhere}");
        }
    }
}
