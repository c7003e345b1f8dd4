// The page behind the unsubscribe link, as a Supabase Edge Function with verify_jwt = false.
// A GET changes nothing: scanners fetch links. A POST is the button, or one click (RFC 8058).
import { createClient } from "npm:@supabase/supabase-js@2";

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
  const database = createClient(
    Deno.env.get("SUPABASE_URL")!,
    Deno.env.get("SUPABASE_SERVICE_ROLE_KEY")!,
  );
  const { data, error } = await database.rpc("unsubscribe", { message_id: id });
  if (error) return page("That did not work. Please try again later.", 503);
  return page(data ? "Done: you get no more of these." : "This link is not known.", data ? 200 : 404);
});
