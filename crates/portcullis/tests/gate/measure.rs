//! What is counted, and by which labels.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use metrics::{Counter, CounterFn, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit};
use portcullis::Looked;

use crate::reload::{Service, files};

/// Counters by name and labels.
#[derive(Debug, Clone, Default)]
struct Counts(Arc<Mutex<BTreeMap<String, u64>>>);

struct One(Counts, String);

impl CounterFn for One {
    fn increment(&self, value: u64) {
        *self.0.0.lock().unwrap().entry(self.1.clone()).or_default() += value;
    }

    fn absolute(&self, _: u64) {}
}

impl Recorder for Counts {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        let labels: Vec<String> = key.labels().map(|label| format!("{}={}", label.key(), label.value())).collect();
        Counter::from_arc(Arc::new(One(self.clone(), format!("{} {}", key.name(), labels.join(" ")))))
    }

    fn register_gauge(&self, _: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::noop()
    }

    fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::noop()
    }
}

#[test]
fn requests_and_reloads_are_counted_by_what_became_of_them() {
    let (counts, service) = (Counts::default(), Service::new("measure"));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    metrics::with_local_recorder(&counts, || {
        runtime.block_on(async {
            for role in ["reader", "reader", "writer"] {
                let _ = service.status(role).await;
            }
            let _ = crate::reload::send(&service.gate, &http::Method::GET, "no token").await;
        });
        let mut reloader = service.gate.reloader(&service.dir);
        service.put(&files("writer"));
        assert!(matches!(reloader.look(), Looked::Replaced(_)));
        service.put(&files("writer").with_file("roles/people.cedar", "permit"));
        assert!(matches!(reloader.look(), Looked::Refused(_)));
    });
    let counted: Vec<(String, u64)> = std::mem::take(&mut *counts.0.lock().unwrap()).into_iter().collect();
    let requests = "portcullis_requests_total";
    let expected = [
        ("portcullis_reloads_total outcome=refused".to_owned(), 1),
        ("portcullis_reloads_total outcome=replaced".to_owned(), 1),
        (format!("{requests} decision=allow denial=none layer=none class=human"), 2),
        (format!("{requests} decision=deny denial=none layer=none class=none"), 1),
        (format!("{requests} decision=deny denial=role layer=roles class=human"), 1),
    ];
    assert_eq!(counted, expected);
}
