//! What all extractors have in common.

/// Implements access to an extractor's value, and its use in
/// [`Authorized`](crate::security::Authorized) outside a tuple.
macro_rules! wrapper {
    ($name:ident<T $(, $more:ident)?> $(, const $most:ident: usize)?) => {
        impl<T $(, const $most: usize)?> $name<T $(, $more)?> {
            /// What was read.
            pub fn into_inner(self) -> T {
                self.0
            }
        }

        impl<T $(, const $most: usize)?> ::std::ops::Deref for $name<T $(, $more)?> {
            type Target = T;

            fn deref(&self) -> &T {
                &self.0
            }
        }

        impl<T $(, const $most: usize)?> ::std::ops::DerefMut for $name<T $(, $more)?> {
            fn deref_mut(&mut self) -> &mut T {
                &mut self.0
            }
        }

        impl<T $(, const $most: usize)?> ::paperclip::v2::schema::Apiv2Schema
            for $name<T $(, $more)?>
        {
        }

        impl<T: 'static $(, const $most: usize)?> crate::security::Parts for $name<T $(, $more)?>
        where
            Self: ::actix_web::FromRequest + ::paperclip::actix::OperationModifier,
        {
            async fn read(
                request: &::actix_web::HttpRequest,
                payload: &mut ::actix_web::dev::Payload,
            ) -> Result<Self, ::actix_web::Error> {
                use ::actix_web::FromRequest as _;
                Self::from_request(request, payload).await.map_err(Into::into)
            }

            fn document(operation: &mut ::paperclip::v2::models::DefaultOperationRaw) {
                use ::paperclip::actix::OperationModifier as _;
                Self::update_parameter(operation);
            }

            fn define(
                map: &mut ::std::collections::BTreeMap<
                    String,
                    ::paperclip::v2::models::DefaultSchemaRaw,
                >,
            ) {
                use ::paperclip::actix::OperationModifier as _;
                Self::update_definitions(map);
            }
        }
    };
}

pub(super) use wrapper;
