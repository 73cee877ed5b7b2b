use std::future::{Ready, ready};
use std::pin::Pin;
use std::rc::Rc;

use actix_web::Error;
use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{Service, ServiceRequest, ServiceResponse, Transform, forward_ready};
use http::StatusCode;
use portcullis::Gate;

use crate::passage::{Passage, is_error, replaced};
use crate::rejection::Rejection;
use crate::route_match::matched_route;

/// The gate as a middleware of actix-web: [`GateExt::layer`](crate::GateExt::layer).
///
/// actix-web routes inside of it. So it refuses wrong credentials at once, and the decision follows at the resource
/// ([`GateExt::protect`](crate::GateExt::protect)) or in the extractors. An answer for which no decision was asked is replaced.
#[derive(Debug, Clone)]
pub struct GateLayer {
    gate: Gate,
    place: Place,
}

/// Where a middleware stands.
#[derive(Debug, Clone, Copy)]
enum Place {
    /// Around an application or a scope: the route is not known yet.
    Around,
    /// Around one resource, which was chosen: it decides before a handler runs.
    Resource,
}

impl GateLayer {
    pub(crate) fn around(gate: Gate) -> Self {
        Self { gate, place: Place::Around }
    }

    pub(crate) fn of_resource(gate: Gate) -> Self {
        Self { gate, place: Place::Resource }
    }
}

impl<S, B> Transform<S, ServiceRequest> for GateLayer
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    type Response = ServiceResponse<EitherBody<B>>;
    type Error = Error;
    type Transform = GateService<S>;
    type InitError = ();
    type Future = Ready<Result<Self::Transform, ()>>;

    fn new_transform(&self, inner: S) -> Self::Future {
        ready(Ok(GateService { layer: self.clone(), inner: Rc::new(inner) }))
    }
}

/// A service behind a [`GateLayer`].
#[derive(Debug)]
pub struct GateService<S> {
    layer: GateLayer,
    inner: Rc<S>,
}

impl<S, B> Service<ServiceRequest> for GateService<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    type Response = ServiceResponse<EitherBody<B>>;
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Error>>>>;

    forward_ready!(inner);

    fn call(&self, request: ServiceRequest) -> Self::Future {
        let (GateLayer { gate, place }, inner) = (self.layer.clone(), Rc::clone(&self.inner));
        Box::pin(async move { serve(&gate, place, &*inner, request).await })
    }
}

async fn serve<S, B>(
    gate: &Gate,
    place: Place,
    inner: &S,
    mut request: ServiceRequest,
) -> Result<ServiceResponse<EitherBody<B>>, Error>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
{
    let route = match place {
        Place::Around => None,
        Place::Resource => matched_route(request.request()),
    };
    // A proof of possession is good once: what the outer middleware has accepted is not asked again.
    let outer = Passage::through(gate, request.request());
    let is_outermost = outer.is_none();
    let passage = match outer {
        Some(passage) => passage,
        None => match Passage::begin(gate, &mut request, route.as_ref()).await {
            Ok(passage) => passage,
            Err(error) => return Ok(request.error_response(error).map_into_right_body()),
        },
    };
    if let Place::Resource = place
        && let Err(refused) = passage.decide(route).await
    {
        return Ok(request.error_response(refused).map_into_right_body());
    }
    let outcome = inner.call(request).await;
    if is_outermost { conclude(&passage, outcome).await } else { outcome.map(ServiceResponse::map_into_left_body) }
}

async fn conclude<B>(
    passage: &Passage,
    outcome: Result<ServiceResponse<B>, Error>,
) -> Result<ServiceResponse<EitherBody<B>>, Error> {
    let mut response = match outcome {
        Ok(response) => response,
        Err(error) => {
            // Of a middleware of the application, which has taken the request with it.
            let status = converted(error.as_response_error().status_code());
            return match passage.conclude(None, status).await {
                Some(answer) if !is_error(status) => Err(Rejection::from(answer).into()),
                _ => Err(error),
            };
        }
    };
    let route = matched_route(response.request());
    if let Some(answer) = passage.conclude(route, converted(response.status())).await {
        return Ok(replaced(response, &answer).map_into_right_body());
    }
    passage.complete(&mut response);
    Ok(response.map_into_left_body())
}

/// A status that is none counts as a success, which needs a decision.
fn converted(status: actix_web::http::StatusCode) -> StatusCode {
    StatusCode::from_u16(status.as_u16()).unwrap_or(StatusCode::OK)
}
