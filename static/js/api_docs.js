// Starts Swagger UI on the API's own description; nothing is loaded from elsewhere.
const place = document.getElementById("swagger-ui");

window.ui = SwaggerUIBundle({
  url: place.dataset.openapi,
  domNode: place,
  layout: "BaseLayout",
  deepLinking: true,
  validatorUrl: null,
});
