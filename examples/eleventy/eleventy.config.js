export const config = { dir: { input: "pages" } };

export default function (eleventy) {
  eleventy.addGlobalData("redheart", process.env.REDHEART_URL || "http://127.0.0.1:8000");
}
