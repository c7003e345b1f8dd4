// The page behind the unsubscribe link, as a Supabase Edge Function with verify_jwt = false.
// A GET changes nothing: scanners fetch links. A POST is the button, or one click (RFC 8058).
const API = Deno.env.get("SUPABASE_URL");
const KEY = Deno.env.get("SUPABASE_SERVICE_ROLE_KEY");
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const page = (text: string, status = 200) =>
  new Response(
    `<!doctype html><meta name="viewport" content="width=device-width"><title>Unsubscribe</title><p>${text}</p>`,
    { status, headers: { "content-type": "text/html; charset=utf-8", "cache-control": "no-store" } },
  );

Deno.serve(async (request) => {
  const id = new URL(request.url).searchParams.get("id") ?? "";
  if (!UUID.test(id)) return page("This link is not complete.", 404);
  if (request.method === "GET" || request.method === "HEAD") {
    return page(`Stop these messages? <form method="post"><button>Unsubscribe</button></form>`);
  }
  if (request.method !== "POST") return page("Not here.", 405);
  const answer = await fetch(`${API}/rest/v1/rpc/unsubscribe`, {
    method: "POST",
    headers: { apikey: `${KEY}`, authorization: `Bearer ${KEY}`, "content-type": "application/json" },
    body: JSON.stringify({ message_id: id }),
  }).catch(() => null);
  if (!answer?.ok) return page("That did not work. Please try again later.", 503);
  const known = await answer.json();
  return page(known ? "Done: you get no more of these." : "This link is not known.", known ? 200 : 404);
});
