/** The product that the firmware is built for: the build puts the product's module in this place. */
declare module "product/index" {
  const product: import("./wiring/kind.js").Product;
  export default product;
}
