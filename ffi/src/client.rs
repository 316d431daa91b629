//! Clients

use std::time::Duration;

use datastreams_core::client::{Client, Hooks};

use crate::boundary::{call, guard, plain, silence, sized, writable};
use crate::config::ds_config;
use crate::status::{DS_OK, Refused, ds_error, ds_status};
use crate::text::ds_str;
use crate::{fork, reporter, signals};

/// A configured instance: the only handle. May be used from any thread until it is freed, and works
/// on in a forked child, which starts empty.
pub struct ds_client {
    core: Client,
    agent_url: String,
}

impl ds_client {
    /// The core's client.
    #[inline(always)]
    pub(crate) fn core(&self) -> &Client {
        &self.core
    }
}

// The header promises that any thread may use a client.
const _: () = {
    const fn shared<T: Send + Sync>() {}
    shared::<ds_client>();
};

/// Makes a client. Starts no thread and opens no connection yet. error may be NULL; otherwise it says
/// what is wrong with the config. Give it back with ds_client_free.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn ds_client_new(
    config: *const ds_config,
    client: *mut *mut ds_client,
    error: *mut ds_error,
) -> ds_status {
    silence();
    let mut report = ds_error::NONE;
    let status = plain("ds_client_new", || {
        // SAFETY: the caller's config, copied for this call.
        let made = unsafe { new(config, client) };
        if let Err(failure) = &made {
            report = failure.to_error();
        }
        made
    });
    if !error.is_null() {
        if status != DS_OK && report.code == DS_OK {
            report = ds_error::new(status, "a bug in the library, contained");
        }
        // SAFETY: not NULL, and the caller's to write.
        unsafe { error.write(report) };
    }
    status
}

/// # Safety
/// As for [`ds_client_new`].
unsafe fn new(config: *const ds_config, client: *mut *mut ds_client) -> Refused<()> {
    let client = writable(client, "client")?;
    // SAFETY: NULL or a config with its size in front.
    let config = unsafe { sized(config, "config") }?;
    // SAFETY: the caller's texts, borrowed for this call.
    let settings = unsafe { config.core() }?;
    fork::watch()?;
    let hooks = Hooks { spawn: reporter::spawn, log: config.log(), fault: reporter::FAULT, ..Hooks::default() };
    let core = Client::new(&settings, hooks)?;
    let agent_url = core.settings().endpoint.to_string();
    let made = Box::new(ds_client { core, agent_url });
    // SAFETY: not NULL, and the caller's to write.
    unsafe { client.set(Box::into_raw(made)) };
    Ok(())
}

/// Where payloads go, as the config and the environment decided: such as "http://localhost:8126" (no
/// path), "unix:///var/run/datadog/apm.socket". Lives as long as the client.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn ds_client_agent_url(client: *const ds_client, url: *mut ds_str) -> ds_status {
    // SAFETY: NULL or the caller's client, which lives during the call.
    let client = unsafe { client.as_ref() };
    call("ds_client_agent_url", client, |client| {
        let url = writable(url, "url")?;
        // SAFETY: not NULL, and the caller's to write.
        unsafe { url.set(ds_str::of(&client.agent_url)) };
        Ok(())
    })
}

/// Whether the client measures: 1, or 0 when the config or DD_DATA_STREAMS_ENABLED switched it off.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn ds_client_enabled(client: *const ds_client, enabled: *mut u32) -> ds_status {
    // SAFETY: NULL or the caller's client, which lives during the call.
    let client = unsafe { client.as_ref() };
    call("ds_client_enabled", client, |client| {
        let enabled = writable(enabled, "enabled")?;
        // SAFETY: not NULL, and the caller's to write.
        unsafe { enabled.set(client.core.settings().enabled.into()) };
        Ok(())
    })
}

/// Closes all buckets, the open one too, and waits until all is delivered. DS_ERR_TIMEOUT when that
/// takes longer: what is left is kept and tried again. Without a thread it posts in the caller's; in
/// host mode it only makes payloads ready to take, those that wait for a retry too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ds_client_flush(client: *const ds_client, timeout_ms: u32) -> ds_status {
    // SAFETY: NULL or the caller's client, which lives during the call.
    let client = unsafe { client.as_ref() };
    call("ds_client_flush", client, |client| {
        signals::without_sigpipe(|| client.core.flush(Duration::from_millis(timeout_ms.into())))?;
        Ok(())
    })
}

/// Flushes and ends the reporter. Later calls record nothing and pass pathways through, so threads need
/// not be stopped first. DS_ERR_TIMEOUT when something was left: it is counted as dropped, and the
/// client is stopped all the same. To stop again is DS_OK. In host mode payloads can still be taken and
/// settled after it; to stop again drops those that were not taken, counted.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ds_client_stop(client: *const ds_client, timeout_ms: u32) -> ds_status {
    // SAFETY: NULL or the caller's client, which lives during the call.
    let client = unsafe { client.as_ref() };
    call("ds_client_stop", client, |client| {
        signals::without_sigpipe(|| client.core.stop(Duration::from_millis(timeout_ms.into())))?;
        Ok(())
    })
}

/// Frees the client and its edges; NULL is fine. Does not wait: what a stop did not deliver may be lost.
/// No thread may be inside a call on this client, or start one. The log is not called any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ds_client_free(client: *mut ds_client) {
    guard("ds_client_free", (), || {
        if !client.is_null() {
            // SAFETY: from `Box::into_raw` in ds_client_new; by the caller's promise nobody else uses it.
            let client = unsafe { Box::from_raw(client) };
            signals::without_sigpipe(|| drop(client));
        }
    });
}
